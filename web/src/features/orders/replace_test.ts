import { expect, it } from 'vitest';
import type { Order } from '../../api/types';
import { replaceChange } from './replace';

const order = { price: '100.5', quantity: '2', filled_quantity: '0.5' } as Order;
const steps = { tick_size: '0.1', lot_size: '0.01' };

it.each([
  [{ price: '100.60', quantity: '2' }, { price: '100.6' }],
  [{ price: '100.50', quantity: '3' }, { quantity: '3' }],
  [{ price: '99', quantity: '0.51' }, { price: '99', quantity: '0.51' }],
])('%j sends only what differs', (input, change) => expect(replaceChange(order, input, steps).change).toEqual(change));

it.each([
  [{ price: '100.5', quantity: '2.00' }, /Nothing changed/],
  [{ price: '100.55', quantity: '2' }, /ticks of 0.1/],
  [{ price: '', quantity: '2' }, /ticks/],
  [{ price: '100.5', quantity: '2.001' }, /lots of 0.01/],
  [{ price: '100.5', quantity: '0.5' }, /0.5 is filled already/],
])('%j is refused here', (input, words) => expect(replaceChange(order, input, steps).reason).toMatch(words));
