import { expect, it } from 'vitest';
import type { Instrument } from '../../api/types';
import { matching } from './symbol_search';

const list = [['ETHBTC', 'ETH', 'BTC'], ['BTCUSDT', 'BTC', 'USDT'], ['SOLUSDT', 'SOL', 'USDT']].map(([symbol, base, quote]) => ({ symbol, base, quote }) as Instrument);

it.each([
  ['', ['ETHBTC', 'BTCUSDT', 'SOLUSDT']],
  ['btc', ['BTCUSDT', 'ETHBTC']],
  [' usdt', ['BTCUSDT', 'SOLUSDT']],
  ['xrp', []],
])('%j finds %j', (text, expected) => expect(matching(list, text).map(({ symbol }) => symbol)).toEqual(expected));
