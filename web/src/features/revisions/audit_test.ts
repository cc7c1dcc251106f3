import { expect, it } from 'vitest';
import type { AuditRecord } from '../../api/types';
import { aboutText, matching } from './audit';

const record = (lsn: number, more: Partial<AuditRecord>): AuditRecord => ({ lsn, time: '2026-11-21T21:34:55Z', user: 'ann', uid: 0, verb: 'set', space: 'dev', object: 'limits', value: '', revision: 2, hash: 'abcdef0123', reason: 'quiet market', ...more });

it('says what a record is about', () => {
  expect(aboutText(record(1, {}))).toBe('limits → 2:abcdef01');
  expect(aboutText(record(1, { value: 'v', revision: 0 }))).toBe('limits: v');
  expect(aboutText(record(1, { object: '' }))).toBe('2:abcdef01');
});

it('shows the newest first and only what every filter lets through', () => {
  const all = [record(1, {}), record(2, { user: 'bob', space: 'prod' }), record(3, { user: 'bob', reason: 'storm' })];
  const lsns = (space: string, user: string, text: string) => matching(all, { space, user, text }).map(({ lsn }) => lsn);
  expect(lsns('', '', '')).toEqual([3, 2, 1]);
  expect(lsns('prod', '', '')).toEqual([2]);
  expect(lsns('', 'bob', 'QUIET')).toEqual([2]);
  expect(lsns('', '', 'storm bob')).toEqual([3]);
  expect(lsns('', '', 'storm ann')).toEqual([]);
});
