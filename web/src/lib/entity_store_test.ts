import { effect } from '@preact/signals';
import { describe, expect, it } from 'vitest';
import { EntityStore, newestFirst } from './entity_store';

interface Row { id: string; ts: string; text: string; open?: boolean }

const store = (capacity?: number) =>
  new EntityStore<Row>({
    idOf: (row) => row.id,
    compare: (a, b) => newestFirst(a.ts, b.ts),
    ...(capacity === undefined ? {} : { capacity }),
    keep: (row) => row.open === true,
  });

describe('EntityStore', () => {
  it('is not loaded before a snapshot, even an empty one', () => {
    const rows = store();
    expect(rows.loaded.value).toBe(false);
    rows.replace([]);
    expect(rows.loaded.value).toBe(true);
  });

  it('upserts by id and keeps screen order', () => {
    const rows = store();
    rows.replace([{ id: 'a', ts: '1', text: 'old' }]);
    rows.upsert([{ id: 'b', ts: '2', text: 'new' }, { id: 'a', ts: '1', text: 'changed' }]);
    expect(rows.ids.value).toEqual(['b', 'a']);
    expect(rows.row('a')!.value.text).toBe('changed');
  });

  it('does not renew the list when only a row changes', () => {
    const rows = store();
    rows.replace([{ id: 'a', ts: '1', text: '' }, { id: 'b', ts: '2', text: '' }]);
    let listRuns = 0;
    effect(() => { void rows.ids.value; listRuns += 1; });
    rows.upsert([{ id: 'a', ts: '1', text: 'changed' }]);
    expect(listRuns).toBe(1);
  });

  it('drops rows that a snapshot does not name', () => {
    const rows = store();
    rows.replace([{ id: 'a', ts: '1', text: '' }, { id: 'b', ts: '2', text: '' }]);
    rows.replace([{ id: 'b', ts: '2', text: 'again' }]);
    expect(rows.ids.value).toEqual(['b']);
    expect(rows.row('a')).toBeUndefined();
  });

  it('sheds the oldest rows past its capacity but never a protected one', () => {
    const rows = store(2);
    rows.replace([{ id: 'open', ts: '1', text: '', open: true }]);
    rows.upsert(['2', '3', '4'].map((ts) => ({ id: ts, ts, text: '' })));
    expect(rows.ids.value).toEqual(['4', 'open']);
  });

  it('lets history add rows but not overwrite newer ones', () => {
    const rows = store();
    rows.replace([{ id: 'a', ts: '2', text: 'live' }]);
    rows.addMissing([{ id: 'a', ts: '2', text: 'page' }, { id: 'b', ts: '1', text: 'page' }]);
    expect(rows.all().map((row) => row.text)).toEqual(['live', 'page']);
  });
});
