import { describe, expect, it } from 'vitest';
import { decimal, decimalText } from '../../lib/decimal';
import type { Instrument } from '../../api/types';
import { feeEstimate, quantityFor, stepped, validate, type Draft } from './draft';

const btc: Instrument = {
  instrument_id: 1, symbol: 'BTCUSDT', venue: 'sim', base: 'BTC', quote: 'USDT', tick_size: '0.01', lot_size: '0.00001',
  min_notional: '5', price_decimals: 2, quantity_decimals: 5, status: 'trading', maker_fee_bps: '2', taker_fee_bps: '5',
};
const draft = (change: Partial<Draft>): Draft => ({ side: 'buy', type: 'limit', timeInForce: 'GTC', quantity: '0.01', price: '61837.63', ...change });

describe('validate', () => {
  it('turns a good draft into the order of the API, in shortest text', () => {
    expect(validate(draft({ quantity: '0.0100', price: '61837.50' }), btc).order).toEqual({
      symbol: 'BTCUSDT', side: 'buy', type: 'limit', quantity: '0.01', price: '61837.5', time_in_force: 'GTC',
    });
  });

  it('sends a market order without price and as IOC', () => {
    expect(validate(draft({ type: 'market', price: 'left over' }), btc).order).toEqual({
      symbol: 'BTCUSDT', side: 'buy', type: 'market', quantity: '0.01', time_in_force: 'IOC',
    });
  });

  it.each([
    [{ quantity: '' }, 'quantity', /^$/],
    [{ quantity: '0' }, 'quantity', /above zero/],
    [{ quantity: '-1' }, 'quantity', /above zero/],
    [{ quantity: '0.000011' }, 'quantity', /lots of 0.00001 BTC/],
    [{ quantity: '1e3' }, 'quantity', /eight decimals/],
    [{ price: '61837.635' }, 'price', /ticks of 0.01 USDT/],
    [{ price: 'abc' }, 'price', /eight decimals/],
    [{ quantity: '0.00008' }, 'quantity', /at least 5 USDT/],
  ] as const)('%j is wrong at %s', (change, field, words) => {
    const { errors, order } = validate(draft(change), btc);
    expect(order).toBeNull();
    expect(errors[field]).toMatch(words);
  });

  it('accepts exactly the minimum notional', () => {
    expect(validate(draft({ quantity: '0.1', price: '50' }), btc).order).not.toBeNull();
    expect(validate(draft({ quantity: '0.1', price: '49.99' }), btc).order).toBeNull();
  });
});

it.each([
  ['100.00', 1, '100.01'],
  ['100.01', -1, '100'],
  ['100.005', 1, '100.01'],
  ['100.005', -1, '100'],
  ['', 1, '0.01'],
  ['0.01', -1, '0.01'],
  ['100', 10, '100.1'],
])('%j stepped by %i is %s', (text, steps, expected) => expect(stepped(text, '0.01', steps)).toBe(expected));

it('sizes an amount of quote money in whole lots', () => {
  expect(quantityFor('1000', decimal('61837.63'), btc)).toBe('0.01617');
  expect(quantityFor('0.1', decimal('61837.63'), btc)).toBe('');
  expect(quantityFor('1000', 0n, btc)).toBe('');
});

it('estimates the maker fee only for post-only orders', () => {
  const fee = (tif: 'GTC' | 'GTX') => decimalText(feeEstimate(decimal('10000'), tif, 'limit', btc));
  expect([fee('GTC'), fee('GTX')]).toEqual(['5', '2']);
});
