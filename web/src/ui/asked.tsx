import type { ComponentChildren } from 'preact';
import { nowMs } from '../lib/now';
import type { Polled } from '../lib/poll';
import * as fmt from '../lib/fmt';
import { hasToken } from '../api/session';
import { Empty, Waiting } from './panel';

/** How old an answer may be before it is shown as old. */
const STALE_AFTER_MS = 6_000;

export function staleMsOf({ value, atMs }: Polled<unknown>): number | null {
  const age = atMs === null ? null : nowMs.value - atMs;
  return value !== null && age !== null && age > STALE_AFTER_MS ? age : null;
}

/** What the hub was asked for: the answer, or why there is none and what would bring one. */
export function Asked<T>({ polled, what, children }: { polled: Polled<T>; what: string; children: (value: T) => ComponentChildren }) {
  const { value, problem } = polled;
  if (!hasToken.value) return <Empty title="Read-only: no token" hint={<>Deployments and revisions are shown to those who have a token: open the URL that <code>stoa up</code> printed.</>} />;
  if (problem?.code === 'no_hub') {
    return (
      <div class="placeholder" data-testid="no-hub">
        <strong>This platform is a single process and has no hub</strong>
        <span>Releases and revisions need one. <code>stoa up</code> starts each role as a process of its own, with a hub among them; <code>stoa run engine</code> goes on as it is.</span>
      </div>
    );
  }
  if (value === null && problem !== null) {
    return (
      <div class="placeholder" role="alert" data-testid="asked-error">
        <strong>{problem.detail}</strong>
        <span><code>{problem.code}</code>{problem.hint ? ` · ${problem.hint}` : ''}</span>
      </div>
    );
  }
  if (value === null) return <Waiting what={what} />;
  return (
    <>
      {problem !== null && <p class="asked-problem" role="status" data-testid="asked-problem"><code>{problem.code}</code> {problem.detail}</p>}
      {children(value)}
    </>
  );
}

/** `as of 1.2 s ago`, so that what is polled never looks newer than it is. */
export function Age({ polled }: { polled: Polled<unknown> }) {
  if (polled.atMs === null) return null;
  return <span class="age" data-testid="age"><span class="age-words">as of </span>{fmt.duration(Math.max(1, nowMs.value - polled.atMs))}<span class="age-words"> ago</span></span>;
}
