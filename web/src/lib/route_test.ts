import { expect, it } from 'vitest';
import { goTo, hashOf, route, routeOf } from './route';

it.each([
  ['', 'trade', null],
  ['#/', 'trade', null],
  ['#token=abc', 'trade', null],
  ['#/deployments', 'deployments', null],
  ['#/deployments/12', 'deployments', '12'],
  ['#/deployments/x', 'trade', null],
  ['#/audit', 'audit', null],
  ['#/elsewhere', 'trade', null],
] as const)('%s is %s', (hash, page, id) => {
  expect(routeOf(hash)).toEqual({ page, id });
});

it('what it writes it reads', () => {
  expect(routeOf(hashOf('deployments', '7'))).toEqual({ page: 'deployments', id: '7' });
  goTo('revisions');
  expect(route.value.page).toBe('revisions');
  goTo('trade');
  expect(route.value.page).toBe('trade');
});
