import { expect, it } from 'vitest';
import { isUnlimited, limitUse } from './risk';

it.each([
  ['0', '100', 0, 'ok'],
  ['79.99', '100', 79, 'ok'],
  ['80', '100', 80, 'near'],
  ['-99', '100', 99, 'near'],
  ['100', '100', 100, 'breach'],
])('%s of %s is %i %% and %s', (used, limit, percent, level) => expect(limitUse({ used, limit })).toEqual({ percent, level }));

it('has no use where the limit is per order', () => {
  expect(limitUse({ used: null, limit: '5' })).toEqual({ percent: null, level: 'ok' });
});

it('the largest decimal means no limit', () => {
  expect([isUnlimited({ limit: '92233720368.54775807' }), isUnlimited({ limit: '92233720368.54775806' })]).toEqual([true, false]);
});
