import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { call, urlOf } from './http';
import { refusedToken, token } from './session';

const respond = (status: number, body: unknown) =>
  vi.stubGlobal('fetch', vi.fn(async () => new Response(JSON.stringify(body), { status })));
const problem = (status: number, code: string) => ({ type: 'about:blank', title: '', status, code, detail: 'why' });

beforeEach(() => { token.value = 'secret'; refusedToken.value = null; });
afterEach(() => vi.unstubAllGlobals());

describe('urlOf', () => {
  it('fills and escapes the path and leaves absent query fields out', () => {
    expect(urlOf('getOrder', { path: { client_order_id: 'a:b' } })).toBe('/api/v1/orders/a%3Ab');
    expect(urlOf('startStrategy', { path: { name: 'mm1' } })).toBe('/api/v1/strategies/mm1:start');
    expect(urlOf('listOrders', { query: { status: 'closed', limit: 5 } })).toBe('/api/v1/orders?status=closed&limit=5');
  });
});

describe('call', () => {
  it('sends the token only where the contract asks for one', async () => {
    respond(200, { requested: 2 });
    await call('cancelAllOrders', {});
    await call('getRisk', {});
    await call('listSpaces', {});
    const headers = vi.mocked(fetch).mock.calls.map(([, init]) => (init!.headers as Record<string, string>)['Authorization']);
    expect(headers).toEqual(['Bearer secret', undefined, 'Bearer secret']);
  });

  it.each([
    [422, 'PriceBand', 'refused'],
    [409, 'duplicate_client_order_id', 'refused'],
    [503, 'engine_busy', 'refused'],
    [504, 'outcome_unknown', 'unknown'],
    [500, 'internal', 'unknown'],
  ])('a %i %s is %s', async (status, code, kind) => {
    respond(status, problem(status, code));
    expect((await call('cancelAllOrders', {})).kind).toBe(kind);
  });

  it('does not take a lost reply for a refusal', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => { throw new TypeError('Failed to fetch'); }));
    expect(await call('cancelAllOrders', {})).toEqual({ kind: 'unknown', detail: 'Failed to fetch' });
  });

  it('remembers a token that was refused', async () => {
    respond(401, problem(401, 'token_wrong'));
    await call('cancelAllOrders', {});
    expect(refusedToken.value).toBe('secret');
  });
});
