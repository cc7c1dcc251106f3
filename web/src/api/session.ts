// Who we are to the gateway: the bearer token from `#token=…`, kept for this tab only.
import { computed, signal } from '@preact/signals';

const STORAGE_KEY = 'stoa.token';

export const token = signal<string | null>(null);
/** The token that the gateway answered 401 to. It stays until another one comes, so that the page can say so. */
export const refusedToken = signal<string | null>(null);

export const hasToken = computed(() => token.value !== null && token.value !== refusedToken.value);

/** Takes the token out of the address, so that a copied URL or a screenshot does not carry it. */
export function adoptToken(location: Pick<Location, 'hash' | 'pathname' | 'search'>, history: Pick<History, 'replaceState'>, storage: Storage): void {
  const fields = new URLSearchParams(location.hash.replace(/^#/, ''));
  const given = fields.get('token');
  if (given) {
    storage.setItem(STORAGE_KEY, given);
    fields.delete('token');
    const rest = fields.toString();
    history.replaceState(null, '', location.pathname + location.search + (rest ? `#${rest}` : ''));
  }
  token.value = given ?? storage.getItem(STORAGE_KEY);
}

/** Accepts a bare token or the whole URL that the engine printed. */
export function acceptToken(text: string, storage: Storage = sessionStorage): void {
  const value = /token=([^&\s]+)/.exec(text)?.[1] ?? text.trim();
  if (value === '') return;
  storage.setItem(STORAGE_KEY, value);
  token.value = value;
  refusedToken.value = null;
}
