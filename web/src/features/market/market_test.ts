import { expect, it } from 'vitest';
import type { Candle, Trade } from '../../api/types';
import { withNewCandles, withNewTrades } from './market';

const trade = (trade_id: string): Trade => ({ trade_id, price: '1', quantity: '1', side: 'buy', ts_ns: '1' });
const bar = (open_s: number, close: string): Candle => ({ open_s, open: '1', high: '1', low: '1', close, volume: '1', trades: 1 });

it('new trades come oldest first and go on top', () => {
  expect(withNewTrades([trade('1')], [trade('2'), trade('3')]).map(({ trade_id }) => trade_id)).toEqual(['3', '2', '1']);
});

it('the tape keeps a hundred trades', () => {
  const many = Array.from({ length: 150 }, (_, i) => trade(String(i)));
  const tape = withNewTrades([], many);
  expect(tape).toHaveLength(100);
  expect(tape[0]!.trade_id).toBe('149');
});

it('a candle delta replaces the open bar and appends the next', () => {
  const bars = withNewCandles([bar(60, 'a'), bar(120, 'b')], [bar(120, 'c'), bar(180, 'd')]);
  expect(bars.map(({ open_s, close }) => [open_s, close])).toEqual([[60, 'a'], [120, 'c'], [180, 'd']]);
});
