import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Result } from '../api/http';
import { Poll, settled } from './poll';

const ok = (value: string): Result<string> => ({ kind: 'ok', value });
const refused: Result<string> = { kind: 'refused', problem: { type: '', title: '', status: 503, code: 'hub_away', detail: 'no hub answers' } };

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

it('keeps the last value when a question fails, and says why', () => {
  const first = settled({ value: null, problem: null, atMs: null }, ok('a'), 5);
  expect(first).toEqual({ value: 'a', problem: null, atMs: 5 });
  const second = settled(first, refused, 9);
  expect(second.value).toBe('a');
  expect(second.atMs).toBe(5);
  expect(second.problem?.code).toBe('hub_away');
  expect(settled(second, { kind: 'unknown', detail: 'gone' }, 12).problem?.code).toBe('no_answer');
  expect(settled(second, ok('b'), 20)).toEqual({ value: 'b', problem: null, atMs: 20 });
});

it('asks at once, then as often as it is told, and no more after the last user has gone', async () => {
  const ask = vi.fn(async () => ok('a'));
  const poll = new Poll(ask, () => 100);
  const stop = poll.start();
  const stopToo = poll.start();
  await vi.advanceTimersByTimeAsync(250);
  expect(ask).toHaveBeenCalledTimes(3);
  stop();
  await vi.advanceTimersByTimeAsync(100);
  expect(ask).toHaveBeenCalledTimes(4);
  stopToo();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(ask).toHaveBeenCalledTimes(4);
});

it('an answer to an older question does not replace a newer one', async () => {
  const answers: ((value: Result<string>) => void)[] = [];
  const poll = new Poll<string>(() => new Promise((resolve) => { answers.push(resolve); }), () => 1_000);
  const stop = poll.start();
  void poll.refresh();
  answers[1]!(ok('new'));
  await vi.advanceTimersByTimeAsync(0);
  answers[0]!(ok('old'));
  await vi.advanceTimersByTimeAsync(0);
  expect(poll.state.value.value).toBe('new');
  stop();
});
