import { signal, type ReadonlySignal } from '@preact/signals';

/** A media query as a signal. */
export function media(query: string): ReadonlySignal<boolean> {
  const list = matchMedia(query);
  const matches = signal(list.matches);
  list.addEventListener('change', () => { matches.value = list.matches; });
  return matches;
}

/** From here on strategies and health have a panel of their own beside the order tables. */
export const isWide = media('(min-width: 1440px)');
/** One column; the ladder shows only the touch until it is opened. */
export const isNarrow = media('(max-width: 759px)');
