import { describe, expect, it } from 'vitest';
import { decimal, decimalText } from '../../lib/decimal';
import { bookFromSnapshot, bookWithDelta, groupingSteps, ladderRows, sweep } from './book';

const snapshot = bookFromSnapshot({
  ts_ns: '1',
  state: 'live',
  bids: [['100.02', '1'], ['100.01', '2'], ['99.99', '3']],
  asks: [['100.03', '1'], ['100.05', '2']],
});
const prices = (levels: readonly { price: bigint }[]) => levels.map(({ price }) => decimalText(price));

describe('deltas', () => {
  it('change, add and remove levels and keep best first', () => {
    const book = bookWithDelta(snapshot, {
      ts_ns: '2',
      state: 'live',
      bids: [['100.02', '0'], ['100', '5'], ['100.01', '9']],
      asks: [['100.04', '4']],
    });
    expect(prices(book.bids)).toEqual(['100.01', '100', '99.99']);
    expect(book.bids[0]!.quantity).toBe(decimal('9'));
    expect(prices(book.asks)).toEqual(['100.03', '100.04', '100.05']);
  });

  it('sort by value, not by text', () => {
    const book = bookWithDelta(snapshot, { ts_ns: '2', state: 'live', bids: [['9', '1'], ['100.1', '1']], asks: [] });
    expect(prices(book.bids)).toEqual(['100.1', '100.02', '100.01', '99.99', '9']);
  });

  it('keep fifty levels', () => {
    const many = Array.from({ length: 60 }, (_, i) => [String(200 + i), '1'] as const);
    expect(bookWithDelta(snapshot, { ts_ns: '2', state: 'live', bids: [], asks: many }).asks).toHaveLength(50);
  });
});

describe('ladderRows', () => {
  it('groups bids down and asks up, with running totals', () => {
    const bids = ladderRows(snapshot.bids, [], decimal('0.05'), 'bid', 10);
    expect(prices(bids)).toEqual(['100', '99.95']);
    expect(bids.map((row) => decimalText(row.cumulative))).toEqual(['3', '6']);
    const asks = ladderRows(snapshot.asks, [], decimal('0.1'), 'ask', 10);
    expect(asks.map((row) => [decimalText(row.price), decimalText(row.quantity)])).toEqual([['100.1', '3']]);
  });

  it('marks our own orders in the row they fall into', () => {
    const rows = ladderRows(snapshot.bids, [{ price: decimal('100.01'), quantity: decimal('0.5') }], decimal('0.01'), 'bid', 10);
    expect(rows.map((row) => decimalText(row.own))).toEqual(['0', '0.5', '0']);
  });

  it('stops at the row count', () => {
    expect(ladderRows(snapshot.bids, [], decimal('0.01'), 'bid', 2)).toHaveLength(2);
  });
});

it('grouping steps are prices', () => {
  expect(groupingSteps('0.01')).toEqual(['0.01', '0.1', '1', '5', '10', '50']);
});

describe('sweep', () => {
  it('averages over the levels that a market order eats', () => {
    const { notional, filled, worst } = sweep(snapshot.asks, decimal('2'));
    expect([notional, filled, worst!].map(decimalText)).toEqual(['200.08', '2', '100.05']);
  });

  it('says how much of the quantity the book holds', () => {
    expect(decimalText(sweep(snapshot.asks, decimal('10')).filled)).toBe('3');
  });
});
