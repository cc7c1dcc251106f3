import { beforeEach, describe, expect, it } from 'vitest';
import type { Order, OrderStatus } from '../../api/types';
import { closedOrderIds, openOrderIds, orders } from './orders';

const order = (client_order_id: string, status: OrderStatus, created_ns = '1') => ({ client_order_id, status, created_ns }) as Order;

beforeEach(() => orders.replace([order('a', 'new', '1'), order('b', 'filled', '2'), order('c', 'in_doubt', '3')]));

describe('orders', () => {
  it('in doubt are open: they may still trade', () => {
    expect(openOrderIds.value).toEqual(['c', 'a']);
    expect(closedOrderIds.value).toEqual(['b']);
  });

  it('move from open to closed in place', () => {
    orders.upsert([order('a', 'canceled', '1')]);
    expect(openOrderIds.value).toEqual(['c']);
    expect(closedOrderIds.value).toEqual(['b', 'a']);
  });

  it('that a new snapshot does not name are gone', () => {
    orders.replace([order('c', 'filled', '3')]);
    expect(openOrderIds.value).toEqual([]);
    expect(orders.ids.value).toEqual(['c']);
  });

  it('stay while open, however many close after them', () => {
    orders.upsert(Array.from({ length: 1_200 }, (_, at) => order(`x${at}`, 'filled', String(10 + at))));
    expect(orders.ids.value).toHaveLength(1_000);
    expect(openOrderIds.value).toEqual(['c', 'a']);
  });
});
