// Which page is shown, from the address's fragment: `#/deployments/12`. Links and the back button do the rest.
import { signal } from '@preact/signals';

export type Page = 'trade' | 'deployments' | 'revisions' | 'drift' | 'audit';

export interface Route {
  page: Page;
  /** What of it: the number of a deployment. */
  id: string | null;
}

const PAGES: readonly Page[] = ['deployments', 'revisions', 'drift', 'audit'];

export function routeOf(hash: string): Route {
  const [, name, id] = /^#\/([a-z]+)(?:\/(\d+))?$/.exec(hash) ?? [];
  const page = PAGES.find((each) => each === name);
  return page ? { page, id: id ?? null } : { page: 'trade', id: null };
}

export function hashOf(page: Page, id: string | null = null): string {
  if (page === 'trade') return '#/';
  return id === null ? `#/${page}` : `#/${page}/${id}`;
}

export const route = signal<Route>(routeOf(location.hash));

export function goTo(page: Page, id: string | null = null): void {
  location.hash = hashOf(page, id);
  route.value = routeOf(location.hash);
}

addEventListener('hashchange', () => { route.value = routeOf(location.hash); });
