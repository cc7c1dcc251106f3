// The configuration's spaces and revisions, as the hub tells them.
import { computed, effect, signal } from '@preact/signals';
import { call } from '../../api/http';
import type { ConfigDiff, ConfigRevisions, ConfigSpace, ConfigSpaceDetail, ConfigSpaces, ConfigUnits } from '../../api/types';
import { Poll } from '../../lib/poll';

const EVERY_MS = 3_000;

export const spaces = new Poll<ConfigSpaces>(() => call('listSpaces', {}), () => EVERY_MS);

/** The space that is looked at; until somebody chooses, the one that runs, else the first. */
export const chosenSpace = signal<string | null>(null);
export const space = computed<string | null>(() => {
  const known = spaces.state.value.value?.spaces ?? [];
  if (known.some((each) => each.space === chosenSpace.value)) return chosenSpace.value;
  return (known.find(({ live }) => live > 0) ?? known[0])?.space ?? null;
});

const path = () => ({ path: { space: space.peek() ?? 'base' } });
export const detail = new Poll<ConfigSpaceDetail>(() => call('getSpace', path()), () => EVERY_MS);
export const units = new Poll<ConfigUnits>(() => call('listUnits', path()), () => EVERY_MS);
export const revisions = new Poll<ConfigRevisions>(() => call('listRevisions', { ...path(), query: { limit: 100 } }), () => EVERY_MS);

/** The two revisions that are compared; null: what runs, and the head. */
export const compared = signal<{ from: number | null; to: number | null }>({ from: null, to: null });
export const diff = new Poll<ConfigDiff>(
  () => call('diffRevisions', { query: diffQuery(space.peek() ?? 'base', compared.peek()) }),
  () => EVERY_MS,
);

effect(() => {
  if (space.value === null) return;
  compared.value = { from: null, to: null };
  for (const poll of [detail, units, revisions, diff]) poll.reset();
  void spaces.refreshSoon();
});

export function compare(from: number | null, to: number | null): void {
  compared.value = { from, to };
  diff.reset();
}

export function diffQuery(name: string, { from, to }: { from: number | null; to: number | null }): { from?: string; to: string } {
  return { ...(from === null ? {} : { from: `${name}@${from}` }), to: to === null ? name : `${name}@${to}` };
}

/** `base → dev → staging → prod`: each space behind the one that it follows, others behind them. */
export function inOrder(all: readonly ConfigSpace[]): ConfigSpace[] {
  const ordered: ConfigSpace[] = [];
  const add = (upstream: string) => {
    for (const each of all) {
      if (each.upstream !== upstream || ordered.includes(each)) continue;
      ordered.push(each);
      add(each.space);
    }
  };
  add('');
  return [...ordered, ...all.filter((each) => !ordered.includes(each))];
}
