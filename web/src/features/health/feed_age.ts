import { computed } from '@preact/signals';
import { connectionAgeMs, connectionState } from '../connection/connection';
import { symbol } from '../market/instruments';
import { book } from '../market/market';
import { feedOf } from './health';

/** How old the shown market is when that is too old, else null: the link is down, or the feed behind it is. */
export const marketStaleMs = computed<number | null>(() => {
  if (connectionState.value === 'offline' || connectionState.value === 'stale') return connectionAgeMs.value;
  const feed = symbol.value === null ? undefined : feedOf(symbol.value);
  if (feed && feed.state !== 'live') return feed.age_ms;
  return book.value !== null && book.value.state !== 'live' ? feed?.age_ms ?? 0 : null;
});

/** For panels that do not hang on a feed: the link's age when it is down, else null. */
export const linkStaleMs = computed<number | null>(() =>
  connectionState.value === 'offline' || connectionState.value === 'stale' ? connectionAgeMs.value : null);
