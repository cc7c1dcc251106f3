// Everything that changes an order. The page makes the client_order_id, so a lost reply can be asked about by it.
import { call, type Result } from '../../api/http';
import type { NewOrder, Order, ReplaceOrder } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { askUntilKnown, run, type Resolution } from '../commands/command';
import { openOrders, isOpen } from './orders';

/** Unique enough without the server: time and 40 random bits. `w` says that it came from the page. */
export function makeClientOrderId(now = Date.now(), random: () => number = Math.random): string {
  const tail = Math.floor(random() * 2 ** 40).toString(36).padStart(8, '0');
  return `w-${now.toString(36)}-${tail}`;
}

export function placeOrder(order: NewOrder & { client_order_id: string }): Promise<Order | null> {
  const sentMs = Date.now();
  return run<Order>({
    key: 'place',
    subject: `${fmt.words(order.side)} ${fmt.exact(order.quantity)} ${order.symbol}`,
    send: () => call('placeOrder', { body: order }),
    resolve: () => askUntilKnown(() => probePlaced(order.client_order_id, sentMs)),
    done: describe,
  });
}

export function cancelOrder(id: string): Promise<Order | null> {
  return run<Order>({
    key: cancelKey(id),
    subject: `Cancel ${id}`,
    send: () => call('cancelOrder', { path: { client_order_id: id } }),
    resolve: () => askUntilKnown(async () => settled(await fetchOrder(id))),
    done: describe,
  });
}

export function replaceOrder(id: string, change: ReplaceOrder): Promise<Order | null> {
  return run<Order>({
    key: replaceKey(id),
    subject: `Replace ${id}`,
    send: () => call('replaceOrder', { path: { client_order_id: id }, body: change }),
    resolve: () => askUntilKnown(async () => replaced(await fetchOrder(id), change)),
    done: describe,
  });
}

export function cancelAll(symbol?: string): Promise<{ requested: number } | null> {
  return run({
    key: CANCEL_ALL_KEY,
    subject: 'Cancel all',
    send: () => call('cancelAllOrders', symbol === undefined ? {} : { query: { symbol } }),
    resolve: () => askUntilKnown(async (): Promise<Resolution<{ requested: number }>> => {
      const left = openOrders.peek().filter((order) => symbol === undefined || order.symbol === symbol).length;
      return left === 0 ? { kind: 'happened', value: { requested: 0 } } : { kind: 'unresolved' };
    }),
    done: ({ requested }) => (requested === 0 ? 'Nothing left to cancel' : `Cancel requested for ${requested} ${requested === 1 ? 'order' : 'orders'}`),
  });
}

export const CANCEL_ALL_KEY = 'cancel all';
export const cancelKey = (id: string) => `cancel ${id}`;
export const replaceKey = (id: string) => `replace ${id}`;

/** `Buy 0.010 BTCUSDT @ 61,837.63: new`. */
export function describe(order: Order): string {
  const price = order.average_price ?? order.price;
  const at = price === null ? 'at market' : `@ ${fmt.exact(price)}`;
  return `${fmt.words(order.side)} ${fmt.exact(order.quantity)} ${order.symbol} ${at}: ${fmt.words(order.status).toLowerCase()}`;
}

type Fetched = Result<Order>;

function fetchOrder(id: string): Promise<Fetched> {
  return call('getOrder', { path: { client_order_id: id } });
}

/** A request on its way may reach the engine this long after it was sent; an earlier "unknown order" proves nothing. */
const LATE_ARRIVAL_MAX_MS = 10_000;

async function probePlaced(id: string, sentMs: number): Promise<Resolution<Order>> {
  const answer = await fetchOrder(id);
  if (answer.kind === 'ok') return { kind: 'happened', value: answer.value };
  const isAbsent = answer.kind === 'refused' && answer.problem.status === 404;
  if (isAbsent && Date.now() - sentMs > LATE_ARRIVAL_MAX_MS) {
    return { kind: 'did not happen', detail: `The engine has no order ${id}. Nothing was sent again.` };
  }
  return { kind: 'unresolved' };
}

function settled(answer: Fetched): Resolution<Order> {
  return answer.kind === 'ok' && !isOpen(answer.value) ? { kind: 'happened', value: answer.value } : { kind: 'unresolved' };
}

function replaced(answer: Fetched, change: ReplaceOrder): Resolution<Order> {
  if (answer.kind !== 'ok' || answer.value.status === 'pending_replace') return { kind: 'unresolved' };
  const order = answer.value;
  const matches = (change.price ?? order.price) === order.price && (change.quantity ?? order.quantity) === order.quantity;
  return matches ? { kind: 'happened', value: order } : { kind: 'did not happen', detail: `The order is still ${describe(order)}.` };
}
