import { effect, signal } from '@preact/signals';
import { expect, it } from 'vitest';
import { Backoff } from './backoff';
import { FrameBatch } from './frame_batch';

it('a burst is applied once per frame, in order, with one repaint', () => {
  const frames: (() => void)[] = [];
  const seen = signal('');
  let repaints = -1;
  effect(() => { void seen.value; repaints += 1; });
  const batch = new FrameBatch<string>((item) => { seen.value += item; }, (task) => frames.push(task));
  ['a', 'b', 'c'].forEach((item) => batch.add(item));
  expect(frames).toHaveLength(1);
  frames[0]!();
  expect([seen.value, repaints]).toEqual(['abc', 1]);
  batch.add('d');
  expect(frames).toHaveLength(2);
});

it('waits double up to the cap and start over after a success', () => {
  const backoff = new Backoff(100, 500, () => 1);
  expect([0, 1, 2, 3, 4].map(() => backoff.nextMs())).toEqual([100, 200, 400, 500, 500]);
  backoff.reset();
  expect(backoff.nextMs()).toBe(100);
  expect(new Backoff(100, 500, () => 0).nextMs()).toBe(50);
});
