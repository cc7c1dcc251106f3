import { expect, it } from 'vitest';
import { appended, CAPACITY, type EquitySeries } from './equity';

it('keeps one point per second, the newest', () => {
  let series: EquitySeries = [[], []];
  for (const [second, value] of [[1, 10], [1, 11], [2, 12]] as const) series = appended(series, second, value);
  expect(series).toEqual([[1, 2], [11, 12]]);
});

it('sheds the oldest point at its capacity', () => {
  let series: EquitySeries = [[], []];
  for (let second = 0; second < CAPACITY + 2; second += 1) series = appended(series, second, second);
  expect(series[0]).toHaveLength(CAPACITY);
  expect(series[0][0]).toBe(2);
  expect(series[1][CAPACITY - 1]).toBe(CAPACITY + 1);
});
