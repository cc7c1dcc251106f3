// Own fills, open orders and the position as things to draw on the candles.
import type { Fill, Order, Position, Side } from '../../api/types';
import { decimal, decimalText, toPixels } from '../../lib/decimal';
import * as fmt from '../../lib/fmt';

export interface ChartMarker {
  /** Start of the bar that it belongs to. */
  time: number;
  side: Side;
  text: string;
}

export interface ChartLine {
  id: string;
  price: number;
  title: string;
  tone: 'up' | 'down' | 'accent';
}

/** One marker per bar and side, with the summed quantity: a market maker's many fills stay readable. */
export function fillMarkers(fills: readonly Fill[], symbol: string, barSeconds: number, firstBar: number): ChartMarker[] {
  const sums = new Map<string, { time: number; side: Side; quantity: bigint }>();
  for (const fill of fills) {
    if (fill.symbol !== symbol) continue;
    const second = Math.floor(fmt.msOf(fill.ts_ns) / 1000);
    const time = second - (second % barSeconds);
    if (time < firstBar) continue;
    const key = `${time} ${fill.side}`;
    const entry = sums.get(key) ?? { time, side: fill.side, quantity: 0n };
    entry.quantity += decimal(fill.quantity);
    sums.set(key, entry);
  }
  const isCrowded = sums.size > MARKERS_WITH_TEXT_MAX;
  return [...sums.values()]
    .sort((a, b) => a.time - b.time)
    .map(({ time, side, quantity }) => ({ time, side, text: isCrowded ? '' : decimalText(quantity) }));
}

const MARKERS_WITH_TEXT_MAX = 8;

/** Open limit orders, labelled with side and what is left of them, and the average price of the position. */
export function priceLines(open: readonly Order[], position: Position | undefined, symbol: string): ChartLine[] {
  const lines: ChartLine[] = open
    .filter((order) => order.symbol === symbol && order.price !== null)
    .map((order) => ({
      id: order.client_order_id,
      price: toPixels(order.price!),
      title: `${order.side === 'buy' ? 'Buy' : 'Sell'} ${fmt.exact(order.remaining_quantity)}`,
      tone: order.side === 'buy' ? 'up' : 'down',
    }));
  if (position?.average_price && decimal(position.quantity) !== 0n) {
    lines.push({ id: 'position', price: toPixels(position.average_price), title: `Pos ${fmt.signed(position.quantity, decimalsOf(position.quantity))}`, tone: 'accent' });
  }
  return lines;
}

function decimalsOf(text: string): number {
  return text.split('.')[1]?.length ?? 0;
}
