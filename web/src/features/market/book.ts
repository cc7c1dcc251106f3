import type { Book, Level as WireLevel, FeedState } from '../../api/types';
import { ceilTo, decimal, decimalText, floorTo, type E8 } from '../../lib/decimal';

export interface Level {
  price: E8;
  priceText: string;
  quantity: E8;
}

export interface BookView {
  state: FeedState;
  tsNs: string;
  /** Best first. */
  bids: readonly Level[];
  asks: readonly Level[];
}

/** Levels per side that the channel promises; deltas may push more in, the rest is no longer maintained. */
const DEPTH_MAX = 50;

export function bookFromSnapshot(data: Book): BookView {
  return { state: data.state, tsNs: data.ts_ns, bids: merged([], data.bids, 'bid'), asks: merged([], data.asks, 'ask') };
}

export function bookWithDelta(book: BookView, data: Book): BookView {
  return {
    state: data.state,
    tsNs: data.ts_ns,
    bids: data.bids.length > 0 ? merged(book.bids, data.bids, 'bid') : book.bids,
    asks: data.asks.length > 0 ? merged(book.asks, data.asks, 'ask') : book.asks,
  };
}

function merged(levels: readonly Level[], changes: readonly WireLevel[], side: 'bid' | 'ask'): Level[] {
  const byPrice = new Map(levels.map((level) => [level.price, level]));
  for (const [priceText, quantityText] of changes) {
    const price = decimal(priceText);
    const quantity = decimal(quantityText);
    if (quantity === 0n) byPrice.delete(price);
    else byPrice.set(price, { price, priceText, quantity });
  }
  const sign = side === 'bid' ? -1 : 1;
  return [...byPrice.values()].sort((a, b) => (a.price < b.price ? -sign : sign)).slice(0, DEPTH_MAX);
}

export interface LadderRow extends Level {
  /** Everything from the touch down to this row. */
  cumulative: E8;
  /** Open quantity of our own orders in this row. */
  own: E8;
}

export interface OwnOrder {
  price: E8;
  quantity: E8;
}

/**
 * Rows of one side, best first, grouped by a real price step. Bids round down and asks up, so that a row never
 * promises a better price than the levels in it.
 */
export function ladderRows(levels: readonly Level[], own: readonly OwnOrder[], step: E8, side: 'bid' | 'ask', count: number): LadderRow[] {
  const round = side === 'bid' ? floorTo : ceilTo;
  const rows: LadderRow[] = [];
  let cumulative = 0n;
  for (const level of levels) {
    const price = round(level.price, step);
    const last = rows[rows.length - 1];
    cumulative += level.quantity;
    if (last?.price === price) {
      last.quantity += level.quantity;
      last.cumulative = cumulative;
    } else {
      if (rows.length === count) break;
      rows.push({ price, priceText: decimalText(price), quantity: level.quantity, cumulative, own: 0n });
    }
  }
  const byPrice = new Map(rows.map((row) => [row.price, row]));
  for (const order of own) {
    const row = byPrice.get(round(order.price, step));
    if (row) row.own += order.quantity;
  }
  return rows;
}

/** Steps to group by: the tick and round multiples of it, as prices a trader would name. */
export function groupingSteps(tickText: string): string[] {
  const tick = decimal(tickText);
  return [1n, 10n, 100n, 500n, 1_000n, 5_000n].map((multiple) => decimalText(tick * multiple));
}

/** What a market order would pay: the average over the levels it eats, and whether the book holds enough. */
export function sweep(levels: readonly Level[], quantity: E8): { notional: E8; filled: E8; worst: E8 | null } {
  let left = quantity;
  let notionalE16 = 0n;
  let worst: E8 | null = null;
  for (const level of levels) {
    if (left <= 0n) break;
    const taken = left < level.quantity ? left : level.quantity;
    notionalE16 += taken * level.price;
    left -= taken;
    worst = level.price;
  }
  return { notional: notionalE16 / 100_000_000n, filled: quantity - left, worst };
}
