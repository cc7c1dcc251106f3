import { expect, it } from 'vitest';
import type { Order, Position, Strategy } from '../../api/types';
import { killEffects } from './kill_effects';

const order = (symbol: string) => ({ symbol }) as Order;

it('names orders per symbol, running strategies and what is kept', () => {
  const effects = killEffects(
    [order('BTCUSDT'), order('BTCUSDT'), order('ETHUSDT')],
    [{ name: 'mm1', state: 'running' }, { name: 'ma1', state: 'stopped' }] as Strategy[],
    [{ symbol: 'BTCUSDT', quantity: '-0.5' }, { symbol: 'ETHUSDT', quantity: '0' }] as Position[],
  );
  expect(effects).toContain('Cancels 3 open orders (BTCUSDT 2, ETHUSDT 1)');
  expect(effects).toContain('Strategies can place nothing: mm1');
  expect(effects).toContain('Keeps positions as they are: BTCUSDT −0.5');
});

it('says so when there is nothing to cancel', () => {
  expect(killEffects([], [], [])[0]).toBe('Cancels nothing: no order is open');
});
