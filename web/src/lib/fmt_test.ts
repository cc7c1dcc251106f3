import { describe, expect, it } from 'vitest';
import { decimal } from './decimal';
import * as fmt from './fmt';

describe('numbers', () => {
  it.each([
    ['61837.6', 2, '61,837.60'],
    ['0.5', 8, '0.50000000'],
    ['-1234567.891', 2, '−1,234,567.89'],
    ['999', 0, '999'],
    ['1000', 0, '1,000'],
  ])('%s with %i decimals is %s', (text, digits, expected) => expect(fmt.number(text, digits)).toBe(expected));

  it('shows a missing value as a dash, never as zero', () => {
    expect(fmt.number(null, 2)).toBe('–');
    expect(fmt.exact(undefined)).toBe('–');
    expect(fmt.signed(null, 2)).toBe('–');
  });

  it.each([
    ['12.3', '+12.30'],
    ['-4', '−4.00'],
    ['0', '0.00'],
    ['0.001', '0.00'],
    ['-0.001', '0.00'],
  ])('signed %s is %s', (text, expected) => expect(fmt.signed(text, 2)).toBe(expected));

  it.each([['7397.1512', '7,397.15'], ['25000', '25,000'], ['0.17574', '0.1757'], ['0', '0'], ['10.50', '10.5'], ['-1000.126', '−1,000.13']])('compact %s is %s', (text, expected) =>
    expect(fmt.compact(text)).toBe(expected));

  it('gives the direction for colour and arrow', () => {
    expect(['1', '-1', '0', null].map((text) => fmt.direction(text))).toEqual(['up', 'down', 'flat', 'flat']);
    expect(['0.004', '-0.004', '-0.006'].map((text) => fmt.direction(text, 2))).toEqual(['flat', 'flat', 'down']);
  });

  it('computes percent and notional exactly', () => {
    expect(fmt.ratioPercent(decimal('42'), decimal('10000'))).toBe('+0.42 %');
    expect(fmt.ratioPercent(decimal('-1'), decimal('3'))).toBe('−33.33 %');
    expect(fmt.ratioPercent(decimal('1'), 0n)).toBe('–');
    expect(fmt.notional('61837.63', '0.123')).toBe('7,606.03');
  });
});

describe('times', () => {
  it.each([
    [0.4, '400 µs'],
    [48, '48 ms'],
    [3200, '3.2 s'],
    [240_000, '4 min'],
    [7_500_000, '2 h 05 min'],
    [300_000_000, '3 d'],
  ])('%f ms is %s', (ms, expected) => expect(fmt.duration(ms)).toBe(expected));

  it.each([
    ['850', '850 ns'],
    ['12400', '12.4 µs'],
    ['3100000', '3.10 ms'],
    ['1200000000', '1.20 s'],
  ])('%s ns is %s', (ns, expected) => expect(fmt.elapsed('0', ns)).toBe(expected));

  it('keeps nanoseconds that a Date cannot hold', () => {
    expect(fmt.fullTime('1723161255123456789')).toBe('2024-08-08 23:54:15.123456789 UTC');
    expect(fmt.timeOf('1723161255123456789')).toBe('23:54:15.123');
  });
});

describe('words', () => {
  it.each([
    ['partially_filled', 'Partially filled'],
    ['PriceBand', 'Price band'],
    ['max_order_notional', 'Max order notional'],
  ])('%s reads as %s', (name, expected) => expect(fmt.words(name)).toBe(expected));
});

it('sizes are in binary units', () => {
  expect(fmt.bytes(512)).toBe('512 B');
  expect(fmt.bytes(12_900_000)).toBe('12.3 MiB');
});
