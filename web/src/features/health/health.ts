import { computed, signal } from '@preact/signals';
import type { FeedHealth, Status } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { stream } from '../connection/connection';

export const health = signal<Status | null>(null);

export function subscribeHealth(): void {
  const apply = (data: Status) => { health.value = data; };
  stream.subscribe('health', { snapshot: apply, delta: apply });
}

export type Grade = 'good' | 'warn' | 'bad' | 'unknown';

/** The worst feed speaks for all: one dead instrument must not hide behind five live ones. */
export const feedGrade = computed<{ grade: Grade; text: string }>(() => {
  const feeds = health.value?.feed;
  if (!feeds) return { grade: 'unknown', text: 'no word yet' };
  const bad = feeds.filter(({ state }) => state !== 'live');
  if (bad.length === 0) return { grade: 'good', text: `${feeds.length} live` };
  return { grade: 'bad', text: bad.map(({ symbol, state }) => `${symbol} ${state}`).join(', ') };
});

/** Records appended but not yet on disk. */
export function logLag({ head_lsn, durable_lsn }: Status['log']): bigint {
  return BigInt(head_lsn) - BigInt(durable_lsn);
}

export const logGrade = computed<{ grade: Grade; text: string }>(() => {
  const log = health.value?.log;
  if (!log) return { grade: 'unknown', text: 'no word yet' };
  if (log.failed) return { grade: 'bad', text: 'failed: nothing is accepted' };
  return { grade: 'good', text: `p99 ${fmt.duration(log.sync_p99_us / 1000)}` };
});

export function feedOf(symbol: string): FeedHealth | undefined {
  return health.value?.feed.find((feed) => feed.symbol === symbol);
}
