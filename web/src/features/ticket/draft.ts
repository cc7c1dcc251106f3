// What the person typed into the ticket, and what is wrong with it before anyone else is asked.
import type { Instrument, NewOrder, OrderType, Side, TimeInForce } from '../../api/types';
import { decimalText, decimal, floorTo, divide, isMultiple, multiply, parseDecimal, type E8 } from '../../lib/decimal';

export interface Draft {
  side: Side;
  type: OrderType;
  timeInForce: TimeInForce;
  quantity: string;
  price: string;
}

export type Field = 'quantity' | 'price';

export interface Verdict {
  /** Per field, in words. Empty text means that the field was not filled in yet: not wrong, but not ready. */
  errors: Partial<Record<Field, string>>;
  order: NewOrder | null;
}

/** Checks the draft against the instrument's steps. The engine checks again; this only saves the round trip. */
export function validate(draft: Draft, instrument: Instrument): Verdict {
  const errors: Verdict['errors'] = {};
  const quantity = steppedField(draft.quantity, instrument.lot_size, `lots of ${instrument.lot_size} ${instrument.base}`);
  if (typeof quantity === 'string') errors.quantity = quantity;

  const price = draft.type === 'market' ? null : steppedField(draft.price, instrument.tick_size, `ticks of ${instrument.tick_size} ${instrument.quote}`);
  if (typeof price === 'string') errors.price = price;

  if (typeof quantity === 'bigint' && typeof price === 'bigint' && multiply(quantity, price) < decimal(instrument.min_notional)) {
    errors.quantity = `The order must be worth at least ${instrument.min_notional} ${instrument.quote}`;
  }
  if (Object.keys(errors).length > 0 || typeof quantity !== 'bigint') return { errors, order: null };
  return { errors, order: toOrder(draft, instrument, quantity, price as E8 | null) };
}

function toOrder(draft: Draft, { symbol }: Instrument, quantity: E8, price: E8 | null): NewOrder {
  const { side, type } = draft;
  // A market order has no price and cannot rest, whatever the ticket said before the type was switched.
  if (price === null) return { symbol, side, type, quantity: decimalText(quantity), time_in_force: 'IOC' };
  return { symbol, side, type, quantity: decimalText(quantity), price: decimalText(price), time_in_force: draft.timeInForce };
}

/** The value, or what is wrong with it. */
function steppedField(text: string, step: string, steps: string): E8 | string {
  if (text.trim() === '') return '';
  const value = parseDecimal(text);
  if (value === null) return 'Digits and one point, at most eight decimals';
  if (value <= 0n) return 'Must be above zero';
  return isMultiple(value, decimal(step)) ? value : `Must be whole ${steps}`;
}

/** `text` moved by `steps` steps, onto the grid, never to zero or below. */
export function stepped(text: string, stepText: string, steps: number): string {
  const step = decimal(stepText);
  const value = parseDecimal(text) ?? 0n;
  const isOnGrid = isMultiple(value, step);
  // From between two steps, one step up is the next grid value above and one down is the next below.
  const base = floorTo(value, step) + (steps < 0 && !isOnGrid ? step : 0n);
  const moved = base + BigInt(steps) * step;
  return decimalText(moved < step ? step : moved);
}

/** The quantity in whole lots that `quoteAmount` buys at `price`; empty when not even one lot. */
export function quantityFor(quoteAmount: string, price: E8, { lot_size }: Instrument): string {
  const quantity = divide(decimal(quoteAmount), price);
  if (quantity === null) return '';
  const whole = floorTo(quantity, decimal(lot_size));
  return whole > 0n ? decimalText(whole) : '';
}

/** A maker pays the maker fee only when the order rests; everything else is priced as a taker. */
export function feeEstimate(notional: E8, timeInForce: TimeInForce, type: OrderType, { maker_fee_bps, taker_fee_bps }: Instrument): E8 {
  const bps = type === 'limit' && timeInForce === 'GTX' ? maker_fee_bps : taker_fee_bps;
  return multiply(notional, decimal(bps)) / 10_000n;
}
