// The market of the selected symbol: book, tape and candles, subscribed to while selected and left on a switch.
import { computed, effect, signal } from '@preact/signals';
import type { Candle, Interval, Trade } from '../../api/types';
import { stream } from '../connection/connection';
import { bookFromSnapshot, bookWithDelta, type BookView } from './book';
import { symbol } from './instruments';

export const INTERVALS: readonly Interval[] = ['1s', '1m', '5m', '15m', '1h'];
export const INTERVAL_SECONDS: Record<Interval, number> = { '1s': 1, '1m': 60, '5m': 300, '15m': 900, '1h': 3600 };

const TAPE_CAPACITY = 100;
const CANDLES_CAPACITY = 5_000;

export const book = signal<BookView | null>(null);
/** Newest first. */
export const tape = signal<readonly Trade[] | null>(null);
export const interval = signal<Interval>('1m');

export interface CandleSeries {
  /** Changes with every snapshot: the chart starts over instead of appending. */
  generation: number;
  /** Oldest first. */
  bars: readonly Candle[];
}
export const candles = signal<CandleSeries | null>(null);

export const lastTrade = computed(() => tape.value?.[0] ?? null);
export const bestBid = computed(() => book.value?.bids[0] ?? null);
export const bestAsk = computed(() => book.value?.asks[0] ?? null);

/** Follows the selected symbol and interval for as long as the page lives. */
export function followMarket(): void {
  effect(() => (symbol.value === null ? undefined : followBookAndTape(symbol.value)));
  effect(() => (symbol.value === null ? undefined : followCandles(symbol.value, interval.value)));
}

function followBookAndTape(name: string): () => void {
  book.value = null;
  tape.value = null;
  const leaveBook = stream.subscribe(`book.${name}`, {
    snapshot: (data) => { book.value = bookFromSnapshot(data); },
    delta: (data) => { if (book.peek()) book.value = bookWithDelta(book.peek()!, data); },
  });
  const leaveTape = stream.subscribe(`trades.${name}`, {
    snapshot: (data) => { tape.value = data.trades.slice(0, TAPE_CAPACITY); },
    delta: (data) => { tape.value = withNewTrades(tape.peek() ?? [], data.trades); },
  });
  return () => { leaveBook(); leaveTape(); };
}

function followCandles(name: string, length: Interval): () => void {
  candles.value = null;
  let generation = 0;
  return stream.subscribe(`candles.${name}.${length}`, {
    snapshot: (data) => {
      generation = (lastGeneration += 1);
      candles.value = { generation, bars: data.candles };
    },
    delta: (data) => { candles.value = { generation, bars: withNewCandles(candles.peek()?.bars ?? [], data.candles) }; },
  });
}
let lastGeneration = 0;

/** `news` come oldest first, the tape shows newest first. */
export function withNewTrades(trades: readonly Trade[], news: readonly Trade[]): Trade[] {
  return [...[...news].reverse(), ...trades].slice(0, TAPE_CAPACITY);
}

/** Replaces the bars that changed and appends the new ones. */
export function withNewCandles(bars: readonly Candle[], news: readonly Candle[]): Candle[] {
  const first = news[0];
  if (!first) return [...bars];
  return [...bars.filter((bar) => bar.open_s < first.open_s), ...news].slice(-CANDLES_CAPACITY);
}
