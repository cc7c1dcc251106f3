import { describe, expect, it } from 'vitest';
import type { Fill, Order, Position } from '../../api/types';
import { fillMarkers, priceLines } from './chart_overlays';

const fill = (second: number, side: 'buy' | 'sell', quantity: string, symbol = 'BTCUSDT') =>
  ({ exec_id: `${second}`, symbol, side, quantity, ts_ns: `${second}000000000` }) as Fill;

describe('fillMarkers', () => {
  it('sums the fills of one bar and side', () => {
    const markers = fillMarkers([fill(125, 'buy', '0.2'), fill(121, 'buy', '0.1'), fill(122, 'sell', '1')], 'BTCUSDT', 60, 0);
    expect(markers).toEqual([{ time: 120, side: 'buy', text: '0.3' }, { time: 120, side: 'sell', text: '1' }]);
  });

  it('leaves other symbols and bars before the first out', () => {
    expect(fillMarkers([fill(125, 'buy', '1', 'ETHUSDT'), fill(59, 'buy', '1')], 'BTCUSDT', 60, 60)).toEqual([]);
  });

  it('drops the text when there are too many to read', () => {
    const many = Array.from({ length: 40 }, (_, i) => fill(i * 60, 'buy', '1'));
    expect(fillMarkers(many, 'BTCUSDT', 60, 0).every(({ text }) => text === '')).toBe(true);
  });
});

describe('priceLines', () => {
  const order = { client_order_id: 'w-1', symbol: 'BTCUSDT', side: 'sell', price: '62000', remaining_quantity: '0.5' } as Order;
  const position = { symbol: 'BTCUSDT', quantity: '-0.25', average_price: '61000' } as Position;

  it('draws open orders and the position', () => {
    expect(priceLines([order], position, 'BTCUSDT')).toEqual([
      { id: 'w-1', price: 62000, title: 'Sell 0.5', tone: 'down' },
      { id: 'position', price: 61000, title: 'Pos −0.25', tone: 'accent' },
    ]);
  });

  it('draws nothing for market orders, other symbols and a flat position', () => {
    const market = { ...order, price: null };
    expect(priceLines([market, { ...order, symbol: 'ETHUSDT' }], { ...position, quantity: '0' }, 'BTCUSDT')).toEqual([]);
  });
});
