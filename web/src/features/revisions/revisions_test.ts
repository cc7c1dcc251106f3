import { expect, it } from 'vitest';
import type { ConfigSpace } from '../../api/types';
import { diffQuery, inOrder } from './revisions';

const space = (name: string, upstream: string): ConfigSpace => ({ space: name, upstream, environment: 'testing', approvals_required: 0, head: '1:aaaaaaaa', live: 0, conflicts: 0, broken_glass: 0, your_roles: [] });

it('puts each space behind the one that it follows', () => {
  const names = inOrder([space('prod', 'staging'), space('dev', 'base'), space('lab', 'dev'), space('base', ''), space('staging', 'dev'), space('lost', 'gone')]).map((each) => each.space);
  expect(names).toEqual(['base', 'dev', 'lab', 'staging', 'prod', 'lost']);
});

it('compares what runs with the head unless revisions are chosen', () => {
  expect(diffQuery('prod', { from: null, to: null })).toEqual({ to: 'prod' });
  expect(diffQuery('prod', { from: 1, to: 3 })).toEqual({ from: 'prod@1', to: 'prod@3' });
});
