import { computed, signal } from '@preact/signals';
import { call } from '../../api/http';
import type { Fill, Order, OrderStatus } from '../../api/types';
import { EntityStore, newestFirst } from '../../lib/entity_store';
import { stream } from '../connection/connection';

const TERMINAL: ReadonlySet<OrderStatus> = new Set<OrderStatus>(['filled', 'canceled', 'rejected', 'expired']);

export function isOpen({ status }: Pick<Order, 'status'>): boolean {
  return !TERMINAL.has(status);
}

/** Open orders and the latest closed ones. An open order is never shed, however many closed ones come after it. */
export const orders = new EntityStore<Order>({
  idOf: (order) => order.client_order_id,
  compare: (a, b) => newestFirst(a.created_ns, b.created_ns),
  capacity: 1_000,
  keep: isOpen,
});

export const fills = new EntityStore<Fill>({
  idOf: (fill) => fill.exec_id,
  compare: (a, b) => newestFirst(a.ts_ns, b.ts_ns),
  capacity: 1_000,
});

export const openOrders = computed(() => orders.all().filter(isOpen));
export const openOrderIds = computed(() => openOrders.value.map((order) => order.client_order_id));
export const closedOrderIds = computed(() =>
  orders.all().filter((order) => !isOpen(order)).map((order) => order.client_order_id));

/** The order whose story is shown. */
export const shownOrderId = signal<string | null>(null);

export function subscribeOrders(): void {
  stream.subscribe('orders', { snapshot: (data) => orders.replace(data.orders), delta: (data) => orders.upsert(data.orders) });
  stream.subscribe('fills', { snapshot: (data) => fills.replace(data.fills), delta: (data) => fills.upsert(data.fills) });
}

export type HistoryState = { cursor: string | null | undefined; loading: boolean; failed: boolean };

/** Pages of closed orders behind the stream's last hundred. `cursor` is undefined before the first page, null after the last. */
export const history = signal<HistoryState>({ cursor: undefined, loading: false, failed: false });

export async function loadOlderOrders(): Promise<void> {
  const { cursor, loading } = history.peek();
  if (loading || cursor === null) return;
  history.value = { cursor, loading: true, failed: false };
  const result = await call('listOrders', { query: { status: 'closed', limit: 200, ...(cursor ? { cursor } : {}) } });
  if (result.kind !== 'ok') {
    history.value = { cursor, loading: false, failed: true };
    return;
  }
  orders.addMissing(result.value.orders);
  history.value = { cursor: result.value.next_cursor, loading: false, failed: false };
}
