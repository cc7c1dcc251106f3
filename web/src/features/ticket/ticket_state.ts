// The ticket's draft and what is known about it: local checks, worth, fee and the engine's risk verdict.
import { computed, effect, signal } from '@preact/signals';
import { call } from '../../api/http';
import type { NewOrder, RiskVerdict, Side } from '../../api/types';
import { decimal, decimalText, parseDecimal, type E8 } from '../../lib/decimal';
import { makeClientOrderId, placeOrder } from '../orders/order_commands';
import { connectionState } from '../connection/connection';
import { orderGate } from '../connection/gate';
import { sweep } from '../market/book';
import { bestAsk, bestBid, book } from '../market/market';
import { instrument, symbol } from '../market/instruments';
import { feeEstimate, validate, type Draft } from './draft';

export const draft = signal<Draft>({ side: 'buy', type: 'limit', timeInForce: 'GTC', quantity: '', price: '' });

export function edit(change: Partial<Draft>): void {
  draft.value = { ...draft.peek(), ...change };
}

/** Side and price from the ladder or a key; the quantity stays, nothing is sent. */
export function prefill(side: Side, price?: string): void {
  edit(price === undefined ? { side } : { side, type: 'limit', price });
}

export const validation = computed(() => (instrument.value ? validate(draft.value, instrument.value) : { errors: {}, order: null }));

/** What the order is worth: exact for a limit, a walk through the book for a market order. */
export const worth = computed<{ notional: E8; fee: E8; averagePrice: E8 | null; isPartial: boolean } | null>(() => {
  const order = validation.value.order;
  if (!order || !instrument.value) return null;
  const quantity = decimal(order.quantity);
  if (order.price !== undefined) {
    const notional = (decimal(order.price) * quantity) / 100_000_000n;
    return { notional, fee: feeEstimate(notional, draft.value.timeInForce, 'limit', instrument.value), averagePrice: null, isPartial: false };
  }
  const levels = (order.side === 'buy' ? book.value?.asks : book.value?.bids) ?? [];
  const { notional, filled } = sweep(levels, quantity);
  if (filled === 0n) return null;
  return {
    notional,
    fee: feeEstimate(notional, 'IOC', 'market', instrument.value),
    averagePrice: (notional * 100_000_000n) / filled,
    isPartial: filled < quantity,
  };
});

/** The engine's fee estimate once it gave one for this draft, ours until then. */
export const fee = computed<string | null>(() => {
  const said = verdict.value.status === 'known' ? verdict.value.verdict.fee_estimate : null;
  return said ?? (worth.value ? decimalText(worth.value.fee) : null);
});

/** The price to size by: the limit price, else the touch that a taker would hit. */
export const sizingPrice = computed<E8 | null>(() => {
  const typed = draft.value.type === 'limit' ? parseDecimal(draft.value.price) : null;
  if (typed !== null && typed > 0n) return typed;
  return (draft.value.side === 'buy' ? bestAsk.value : bestBid.value)?.price ?? null;
});

export type VerdictState = { status: 'none' } | { status: 'checking' } | { status: 'known'; verdict: RiskVerdict } | { status: 'failed'; detail: string };
export const verdict = signal<VerdictState>({ status: 'none' });

/** Why the order cannot be sent as it stands; null when it can. */
export const submitReason = computed<string | null>(() => {
  if (orderGate.value !== null) return orderGate.value;
  if (instrument.value?.status === 'halted') return `${instrument.value.symbol} is halted`;
  const { errors, order } = validation.value;
  if (!order) return Object.values(errors).find((text) => text !== '') ?? 'Enter a quantity and a price';
  if (verdict.value.status === 'known' && !verdict.value.verdict.accepted) return `Risk refuses it: ${verdict.value.verdict.code}`;
  return null;
});

export async function submit(): Promise<void> {
  const order = validation.peek().order;
  if (!order || submitReason.peek() !== null) return;
  await placeOrder({ ...order, client_order_id: makeClientOrderId() });
}

const CHECK_AFTER_MS = 200;
/** The verdict ages: the mark and the exposure move on while the person thinks. */
const RECHECK_EVERY_MS = 2_000;

/** Keeps `verdict` true to the draft for as long as the page lives. */
export function followDraft(): void {
  let shownSymbol: string | null = null;
  effect(() => {
    if (symbol.value === shownSymbol) return;
    shownSymbol = symbol.value;
    edit({ quantity: '', price: '' });
  });

  const toCheck = computed(() => JSON.stringify(validation.value.order));
  effect(() => {
    const order = JSON.parse(toCheck.value) as NewOrder | null;
    if (order === null || connectionState.value !== 'live') {
      verdict.value = { status: 'none' };
      return undefined;
    }
    const abort = new AbortController();
    verdict.value = { status: 'checking' };
    const check = async () => {
      const result = await call('checkOrder', { body: order, signal: abort.signal });
      if (abort.signal.aborted) return;
      if (result.kind === 'ok') verdict.value = { status: 'known', verdict: result.value };
      else verdict.value = { status: 'failed', detail: result.kind === 'refused' ? result.problem.detail : result.detail };
    };
    const first = setTimeout(check, CHECK_AFTER_MS);
    const again = setInterval(check, RECHECK_EVERY_MS);
    return () => { abort.abort(); clearTimeout(first); clearInterval(again); };
  });
}
