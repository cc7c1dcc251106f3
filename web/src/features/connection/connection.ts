// The page's one stream and what the rest may conclude from it: is what we show true, and may we trade.
import { computed, signal } from '@preact/signals';
import { Stream, type Socket } from '../../api/stream';
import { nowMs } from '../../lib/now';

export const stream = new Stream({
  connect: () => new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws/v1`) as unknown as Socket,
});

export type ConnectionState = 'connecting' | 'live' | 'stale' | 'offline';

/** True once the engine was reached: before that there is nothing to grey out. */
export const everConnected = signal(false);
stream.state.subscribe((state) => {
  if (state === 'open') everConnected.value = true;
});

/** Every channel is quiet at times, but `health` beats once a second: three seconds of nothing are not quiet. */
const STALE_AFTER_MS = 3_000;

/** Milliseconds since the engine last said anything. */
export const connectionAgeMs = computed(() => {
  void stream.state.value; // A link that just opened is not as old as the last tick of the clock says.
  const now = nowMs.value;
  return stream.lastFrameMs === null ? null : Math.max(0, now - stream.lastFrameMs);
});

export const connectionState = computed<ConnectionState>(() => {
  const state = stream.state.value;
  if (state === 'open' || state === 'moving') return (connectionAgeMs.value ?? 0) > STALE_AFTER_MS ? 'stale' : 'live';
  return !everConnected.value && state === 'connecting' ? 'connecting' : 'offline';
});

/** Engine time: local time corrected by what the pongs say. */
export const engineNowMs = computed(() => nowMs.value + stream.clockOffsetMs.value);

export function startConnection(): void {
  stream.start();
  addEventListener('online', () => stream.retryNow());
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) stream.retryNow();
  });
}
