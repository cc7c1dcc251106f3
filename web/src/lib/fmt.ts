// Every number and time that a person reads goes through here: exact text in, text with grouping, a real minus sign
// and fixed decimals out. Nothing is converted to floating point.
import { decimal, fixedText, multiply, type E8 } from './decimal';

export const MINUS = '−';
export const NONE = '–';
const ONE = decimal('1');

/** `61,837.60`: exactly `digits` decimals, grouped by thousands. */
export function number(text: string | null | undefined, digits: number): string {
  return text == null ? NONE : grouped(fixedText(decimal(text), digits));
}

/** `61,837.6`: as exact as it came. */
export function exact(text: string | null | undefined): string {
  return text == null ? NONE : grouped(text);
}

/** `7,397.15`, `0.1757`, `2`: two decimals, four below one, no trailing zeros, for places with little room. */
export function compact(text: string): string {
  const isSmall = decimal(text) > -ONE && decimal(text) < ONE;
  const shown = fixedText(decimal(text), isSmall ? 4 : 2);
  return grouped(shown.includes('.') ? shown.replace(/\.?0+$/, '') : shown);
}

/** `+12.30`, `−4.00`, `0.00`: the sign carries the direction, so colour is never needed to read it. */
export function signed(text: string | null | undefined, digits: number): string {
  if (text == null) return NONE;
  const shown = grouped(fixedText(decimal(text), digits));
  return decimal(text) > 0n && /[1-9]/.test(shown) ? `+${shown}` : shown;
}

export type Direction = 'up' | 'down' | 'flat';

/** The direction of what is shown: an amount that rounds to zero has none. */
export function direction(text: string | null | undefined, digits = 8): Direction {
  if (text == null) return 'flat';
  const value = decimal(fixedText(decimal(text), digits));
  return value > 0n ? 'up' : value < 0n ? 'down' : 'flat';
}

/** part ÷ whole as `+0.42 %`. */
export function ratioPercent(part: E8, whole: E8): string {
  if (whole === 0n) return NONE;
  const percent = (part * 10_000_000_000n) / whole;
  const text = grouped(fixedText(percent, 2));
  return `${percent > 0n ? '+' : ''}${text} %`;
}

/** A notional from price and quantity, `7,606.03`. */
export function notional(price: string, quantity: string, digits = 2): string {
  return grouped(fixedText(multiply(decimal(price), decimal(quantity)), digits));
}

/** `1,234`, for counters. */
export function count(value: number): string {
  return grouped(String(value));
}

/** `12.3 MiB`. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

/** An age or length of time: `48 ms`, `3.2 s`, `4 min`, `2 h 05 min`, `3 d`. */
export function duration(ms: number): string {
  if (ms < 1) return `${Math.max(0, Math.round(ms * 1000))} µs`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${String(minutes % 60).padStart(2, '0')} min` : `${Math.floor(hours / 24)} d`;
}

/** Nanoseconds between two stamps, at the precision that matters: `850 ns`, `12.4 µs`, `3.10 ms`, `1.20 s`. */
export function elapsed(fromNs: string, toNs: string): string {
  const ns = BigInt(toNs) - BigInt(fromNs);
  const size = Number(ns < 0n ? -ns : ns);
  const sign = ns < 0n ? MINUS : '';
  if (size < 1_000) return `${sign}${size} ns`;
  if (size < 1_000_000) return `${sign}${(size / 1e3).toFixed(1)} µs`;
  if (size < 1_000_000_000) return `${sign}${(size / 1e6).toFixed(2)} ms`;
  return `${sign}${(size / 1e9).toFixed(2)} s`;
}

/** `14:03:07` UTC. */
export function clock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19);
}

/** `14:03:07.512` UTC. */
export function timeOf(ns: string): string {
  return new Date(msOf(ns)).toISOString().slice(11, 23);
}

/** `2026-03-04 14:03:07.512345678 UTC`, for titles and the order story. */
export function fullTime(ns: string): string {
  const [date, time] = new Date(msOf(ns)).toISOString().split('T') as [string, string];
  return `${date} ${time.slice(0, 8)}.${ns.slice(-9).padStart(9, '0')} UTC`;
}

/** Milliseconds since 1970: all that a Date can hold. */
export function msOf(ns: string): number {
  return Number(BigInt(ns) / 1_000_000n);
}

/** `partially_filled` as `partially filled`, `PriceBand` as `Price band`. */
export function words(name: string): string {
  const spaced = name.replace(/_/g, ' ').replace(/([a-z0-9])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

function grouped(text: string): string {
  const [whole = '', fraction] = text.replace('-', '').split('.');
  const body = whole.replace(/\B(?=(\d{3})+$)/g, ',') + (fraction === undefined ? '' : `.${fraction}`);
  return text.startsWith('-') ? MINUS + body : body;
}
