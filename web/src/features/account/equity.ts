import { signal } from '@preact/signals';
import { toPixels } from '../../lib/decimal';

/** Equity since the page opened, one point per second at most: [seconds], [equity as pixels]. */
export type EquitySeries = readonly [number[], number[]];

export const CAPACITY = 3_600;
export const equity = signal<EquitySeries>([[], []]);

/** Adds a point; within the same second the newest value replaces the one before. */
export function recordEquity(text: string, atMs: number): void {
  equity.value = appended(equity.peek(), Math.floor(atMs / 1000), toPixels(text));
}

export function appended([times, values]: EquitySeries, second: number, value: number): EquitySeries {
  const isSameSecond = times[times.length - 1] === second;
  const keep = isSameSecond ? -1 : times.length;
  const from = Math.max(0, (isSameSecond ? times.length : times.length + 1) - CAPACITY);
  return [[...times.slice(from, keep), second], [...values.slice(from, keep), value]];
}
