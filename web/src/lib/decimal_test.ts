import { describe, expect, it } from 'vitest';
import { ceilTo, decimal, decimalText, divide, fixedText, floorTo, isMultiple, multiply, parseDecimal, percentOf } from './decimal';

describe('parseDecimal', () => {
  it.each([
    ['0', 0n],
    ['1.5', 150_000_000n],
    ['-0.00000001', -1n],
    ['.5', 50_000_000n],
    ['5.', 500_000_000n],
    ['1.123456780', 112_345_678n],
    ['92233720368.54775807', 9_223_372_036_854_775_807n],
  ])('reads %s', (text, value) => expect(parseDecimal(text)).toBe(value));

  it.each(['', '-', '.', '1.123456781', '1e5', '+1', '1,000', 'abc', '−1'])('refuses %j', (text) =>
    expect(parseDecimal(text)).toBeNull());
});

describe('text', () => {
  it.each(['0', '1', '-1', '10', '100', '0.1', '-0.00000001', '61837.63'])('%s survives a round trip', (text) =>
    expect(decimalText(decimal(text))).toBe(text));

  it.each([
    ['0.125', 2, '0.12'],
    ['0.135', 2, '0.14'],
    ['-0.125', 2, '-0.12'],
    ['-0.001', 2, '0.00'],
    ['61837.6', 2, '61837.60'],
    ['2.5', 0, '2'],
  ])('%s with %i decimals is %s', (text, digits, expected) => expect(fixedText(decimal(text), digits)).toBe(expected));
});

describe('arithmetic', () => {
  it('keeps products exact where floating point does not', () => {
    expect(decimalText(multiply(decimal('0.1'), decimal('0.2')))).toBe('0.02');
    expect(decimalText(multiply(decimal('61837.63'), decimal('0.123')))).toBe('7606.02849');
  });

  it('divides to eight decimals and refuses zero', () => {
    expect(decimalText(divide(decimal('1'), decimal('3'))!)).toBe('0.33333333');
    expect(divide(1n, 0n)).toBeNull();
  });

  it('rounds to steps away from zero on the right side', () => {
    const step = decimal('0.5');
    expect(decimalText(floorTo(decimal('1.7'), step))).toBe('1.5');
    expect(decimalText(ceilTo(decimal('1.7'), step))).toBe('2');
    expect(decimalText(floorTo(decimal('-1.7'), step))).toBe('-2');
    expect(ceilTo(decimal('2'), step)).toBe(decimal('2'));
    expect(isMultiple(decimal('61837.63'), decimal('0.01'))).toBe(true);
    expect(isMultiple(decimal('61837.635'), decimal('0.01'))).toBe(false);
  });

  it('reports use of a limit in percent', () => {
    expect(percentOf(decimal('79.99'), decimal('100'))).toBe(79);
    expect(percentOf(decimal('-250'), decimal('100'))).toBe(250);
    expect(percentOf(decimal('1'), 0n)).toBe(0);
  });
});
