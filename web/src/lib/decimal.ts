// Exact decimals as BigInt at scale 1e-8, the engine's own scale. Prices and quantities arrive as strings and
// stay strings for display; this is the only file that does arithmetic with them.

/** A decimal times 100,000,000. */
export type E8 = bigint;

const SCALE_DIGITS = 8;
const ONE: E8 = 10n ** BigInt(SCALE_DIGITS);
const DECIMAL = /^(-?)(\d*)(?:\.(\d*))?$/;

/** Reads `[-]digits[.digits]`, also `.5` and `5.` as people type them. Null when it is not a decimal or has a ninth one. */
export function parseDecimal(text: string): E8 | null {
  const match = DECIMAL.exec(text.trim());
  if (!match) return null;
  const [, sign, whole = '', fraction = ''] = match;
  if (whole === '' && fraction === '') return null;
  const significant = fraction.replace(/0+$/, '');
  if (significant.length > SCALE_DIGITS) return null;
  const magnitude = BigInt(whole + significant.padEnd(SCALE_DIGITS, '0'));
  return sign ? -magnitude : magnitude;
}

/** As parseDecimal, for text that the engine sent. Throws: a malformed decimal from there breaks the contract. */
export function decimal(text: string): E8 {
  const value = parseDecimal(text);
  if (value === null) throw new Error(`not a decimal: ${text}`);
  return value;
}

/** The shortest exact text, `-1.5`, as the API wants it. */
export function decimalText(value: E8): string {
  return fixedText(value, SCALE_DIGITS).replace(/\.?0+$/, '');
}

/** Exactly `digits` decimals (0–8), rounded half to even. */
export function fixedText(value: E8, digits: number): string {
  const unit = 10n ** BigInt(SCALE_DIGITS - digits);
  const rounded = divideHalfEven(value, unit);
  const text = abs(rounded).toString().padStart(digits + 1, '0');
  const sign = rounded < 0n ? '-' : '';
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

export function multiply(a: E8, b: E8): E8 {
  return divideHalfEven(a * b, ONE);
}

/** a ÷ b. Null when b is zero. */
export function divide(a: E8, b: E8): E8 | null {
  return b === 0n ? null : divideHalfEven(a * ONE, b);
}

export function abs(value: E8): E8 {
  return value < 0n ? -value : value;
}

/** The nearest multiple of `step` that is not above `value`. */
export function floorTo(value: E8, step: E8): E8 {
  const remainder = ((value % step) + step) % step;
  return value - remainder;
}

/** The nearest multiple of `step` that is not below `value`. */
export function ceilTo(value: E8, step: E8): E8 {
  return -floorTo(-value, step);
}

export function isMultiple(value: E8, step: E8): boolean {
  return value % step === 0n;
}

export function sum(values: Iterable<E8>): E8 {
  let total = 0n;
  for (const value of values) total += value;
  return total;
}

/** used ÷ limit in whole percent, rounded down; over 100 when past the limit, 0 when there is no limit. */
export function percentOf(used: E8, limit: E8): number {
  return limit === 0n ? 0 : Number((abs(used) * 100n) / abs(limit));
}

/** For charts and bars only: pixels do not need the last digit, money does. */
export function toPixels(text: string): number {
  return Number(text);
}

function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const negative = dividend < 0n !== divisor < 0n;
  const [n, d] = [abs(dividend), abs(divisor)];
  const quotient = n / d;
  const twice = (n % d) * 2n;
  const up = twice > d || (twice === d && quotient % 2n === 1n);
  const magnitude = up ? quotient + 1n : quotient;
  return negative ? -magnitude : magnitude;
}
