import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Order } from '../../api/types';
import { notices } from '../commands/notices';
import { describe as described, makeClientOrderId, placeOrder, replaceOrder } from './order_commands';

const order = (change: Partial<Order> = {}): Order =>
  ({ client_order_id: 'w-1', symbol: 'BTCUSDT', side: 'buy', price: '100', quantity: '2', average_price: null, status: 'new', ...change }) as Order;
const reply = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });
const draft = { client_order_id: 'w-1', symbol: 'BTCUSDT', side: 'buy', type: 'limit', quantity: '2', price: '100' } as const;
let answers: (() => Response)[];
let sent: string[];

beforeEach(() => {
  vi.useFakeTimers();
  notices.value = [];
  sent = [];
  vi.stubGlobal('fetch', vi.fn(async (url: string, init: RequestInit) => {
    sent.push(`${init.method} ${url}`);
    const answer = answers.shift();
    if (!answer) throw new TypeError('Failed to fetch');
    return answer();
  }));
});
afterEach(() => { vi.useRealTimers(); vi.unstubAllGlobals(); });

it('client order ids fit the API and differ within a millisecond', () => {
  const ids = Array.from({ length: 100 }, () => makeClientOrderId(1_763_600_000_000));
  expect(ids.every((id) => /^[A-Za-z0-9._:-]{1,36}$/.test(id))).toBe(true);
  expect(new Set(ids).size).toBe(100);
});

it('an order reads as a sentence', () => {
  expect(described(order())).toBe('Buy 2 BTCUSDT @ 100: new');
  expect(described(order({ price: null, status: 'partially_filled' }))).toBe('Buy 2 BTCUSDT at market: partially filled');
});

describe('after a lost reply', () => {
  it('a placement is asked about until the engine knows it', async () => {
    answers = [() => reply(504, { code: 'outcome_unknown' }), () => reply(404, { code: 'unknown_order', status: 404 }), () => reply(200, order())];
    const placed = placeOrder(draft);
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await placed)?.status).toBe('new');
    expect(sent).toEqual(['POST /api/v1/orders', 'GET /api/v1/orders/w-1', 'GET /api/v1/orders/w-1']);
  });

  it('an unknown order is believed only when a late request can no longer arrive', async () => {
    answers = [() => reply(504, {}), ...Array.from({ length: 20 }, () => () => reply(404, { code: 'unknown_order', status: 404, detail: '' }))];
    const placed = placeOrder(draft);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(notices.value.some(({ text }) => /did not happen/.test(text))).toBe(false);
    await vi.advanceTimersByTimeAsync(7_000);
    expect(await placed).toBeNull();
    expect(notices.value.some(({ text }) => /did not happen/.test(text))).toBe(true);
    expect(sent.filter((line) => line.startsWith('POST'))).toHaveLength(1);
  });

  it('a replacement is judged by what the order is now', async () => {
    answers = [() => reply(504, {}), () => reply(200, order({ status: 'pending_replace' })), () => reply(200, order({ price: '101' }))];
    const replaced = replaceOrder('w-1', { price: '101' });
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await replaced)?.price).toBe('101');
  });
});
