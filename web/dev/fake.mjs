// A stand-in for the engine, for looking at the page: `npm run build && npm run fake`, then open the printed URL.
// It serves dist/ under the gateway's content policy and the API of docs/api.md, loosely. POST /dev/stale and
// /dev/silence make the feed stale or the socket quiet for ten seconds, /dev/drop closes every socket.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { FakeEngine } from './fake_engine.mjs';
import { FakeMarket, nowNs } from './fake_market.mjs';

const PORT = Number(process.argv[2] ?? 8099);
const TOKEN = 'development';
const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const SECONDS = { '1s': 1, '1m': 60, '5m': 300, '15m': 900, '1h': 3600 };
const startedNs = nowNs();

const instrument = (instrument_id, symbol, base, lot_size, quantity_decimals) => ({ instrument_id, symbol, venue: 'sim', base, quote: 'USDT', tick_size: '0.01', lot_size, min_notional: '5', price_decimals: 2, quantity_decimals, status: 'trading', maker_fee_bps: '2', taker_fee_bps: '5' });
const instruments = [instrument(1, 'BTCUSDT', 'BTC', '0.00001', 5), instrument(2, 'ETHUSDT', 'ETH', '0.0001', 4)];
const markets = new Map([[instruments[0], 61_837.63], [instruments[1], 2_641.2]].map(([each, price], at) => [each.symbol, new FakeMarket(each, price, 7 + at)]));
const seqs = new Map();
const clients = new Set();
let staleUntil = 0;
let silentUntil = 0;
const engine = new FakeEngine(markets, (channel, data) => emit(channel, data));

function emit(channel, data) {
  const prev_seq = seqs.get(channel) ?? 1;
  seqs.set(channel, prev_seq + 1);
  if (Date.now() < silentUntil) return;
  const frame = JSON.stringify({ channel, type: 'delta', prev_seq, seq: prev_seq + 1, data });
  for (const client of clients) if (client.channels.has(channel)) client.socket.send(frame);
}

function status() {
  const isStale = Date.now() < staleUntil;
  return {
    version: '0.1.0', commit: 'fa4e0000fa4e', environment: 'development', mode: 'PAPER', market_source: 'sim', seed: 7, started_ns: startedNs, now_ns: nowNs(), uptime_s: Number(BigInt(nowNs()) - BigInt(startedNs)) / 1e9,
    engine: { loops: engine.messages * 40, last_loop_ns: String(BigInt(nowNs()) - 18_400n), sync: 'always' },
    feed: instruments.map(({ symbol }) => ({ symbol, state: isStale ? 'stale' : 'live', age_ms: isStale ? 10_000 - (staleUntil - Date.now()) : 41, messages: engine.messages, gaps: 0 })),
    log: { head_lsn: String(engine.lsn), durable_lsn: String(engine.lsn), bytes: engine.lsn * 180, segments: 1, sync_p50_us: 180, sync_p99_us: 912, appended: engine.lsn, failed: false },
    state_hash: '9f2c41d07be35a18', gateway: { clients: clients.size, requests: 42 }, kill_switch: engine.kill,
  };
}

function snapshot(channel) {
  const [kind, symbol, interval] = channel.split('.');
  const market = markets.get(symbol);
  switch (kind) {
    case 'book': return market && { ts_ns: nowNs(), state: 'live', ...market.levels };
    case 'trades': return market && { trades: market.trades };
    case 'candles': return market && { candles: market.candles.get(SECONDS[interval]).slice(-500) };
    case 'orders': return { orders: [...engine.open(), ...[...engine.orders.values()].filter((order) => !engine.open().includes(order)).slice(-100)] };
    case 'fills': return { fills: engine.fills.slice(0, 100) };
    case 'positions': return engine.portfolio();
    case 'strategies': return { strategies: engine.strategies };
    case 'risk': return engine.risk();
    case 'health': return status();
    default: return undefined;
  }
}

class Refusal extends Error {
  constructor(status, code, detail, more = {}) { super(detail); Object.assign(this, { status, code, more }); }
}

function orderOf(id) {
  const order = engine.orders.get(id);
  if (!order) throw new Refusal(404, 'unknown_order', `no order ${id}`);
  return order;
}

function openOrderOf(id) {
  const order = orderOf(id);
  if (!engine.open().includes(order)) throw new Refusal(409, 'too_late', `the order is ${order.status}`, { order });
  return order;
}

function strategyOf(name) {
  const found = engine.strategies.find((each) => each.name === name);
  if (!found) throw new Refusal(404, 'unknown_strategy', name);
  return found;
}

function changeStrategy(name, change) {
  const strategy = Object.assign(strategyOf(name), change);
  emit('strategies', { strategies: engine.strategies });
  return strategy;
}

function changeRisk(change) {
  Object.assign(engine.kill, change);
  emit('risk', engine.risk());
  return engine.risk();
}

const API = [
  ['GET', /^\/status$/, () => status()],
  ['GET', /^\/health$/, () => ({ status: 'healthy' })],
  ['GET', /^\/ready$/, () => ({ ready: true, checks: {} })],
  ['GET', /^\/openapi.json$/, async () => JSON.parse(await readFile(new URL('../../src/gateway/schema/openapi.json', import.meta.url), 'utf8'))],
  ['GET', /^\/api\/v1\/trades\/(\w+)$/, ([name]) => snapshot(`trades.${name}`)],
  ['GET', /^\/api\/v1\/candles\/(\w+)$/, ([symbol]) => ({ symbol, interval: '1m', ...snapshot(`candles.${symbol}.1m`) })],
  ['GET', /^\/api\/v1\/positions$/, () => engine.portfolio()],
  ['GET', /^\/api\/v1\/account$/, () => engine.portfolio().account],
  ['GET', /^\/api\/orders_state$/, () => snapshot('orders')],
  ['GET', /^\/api\/v1\/instruments$/, () => ({ instruments })],
  ['GET', /^\/api\/v1\/book\/(\w+)$/, ([name]) => ({ symbol: name, seq: 1, state: 'live', ts_ns: nowNs(), ...markets.get(name).levels })],
  ['GET', /^\/api\/v1\/fills$/, () => ({ fills: engine.fills, next_cursor: null })],
  ['GET', /^\/api\/v1\/orders$/, () => ({ orders: [...engine.orders.values()].filter((order) => !engine.open().includes(order)).reverse().slice(0, 200), next_cursor: null })],
  ['POST', /^\/api\/v1\/orders:check$/, (_, body) => engine.check(body)],
  ['POST', /^\/api\/v1\/orders$/, (_, body) => {
    const order = engine.place(body);
    if (order.status === 'rejected') throw new Refusal(422, order.code, order.reason, { order });
    return order;
  }],
  ['DELETE', /^\/api\/v1\/orders$/, () => ({ requested: engine.open().map((order) => engine.cancel(order)).length })],
  ['GET', /^\/api\/v1\/orders\/([^/]+)$/, ([id]) => ({ ...orderOf(id), story: engine.stories.get(id) })],
  ['PATCH', /^\/api\/v1\/orders\/([^/]+)$/, ([id], body) => engine.replace(openOrderOf(id), body)],
  ['DELETE', /^\/api\/v1\/orders\/([^/]+)$/, ([id]) => engine.cancel(openOrderOf(id))],
  ['GET', /^\/api\/v1\/strategies$/, () => ({ strategies: engine.strategies })],
  ['POST', /^\/api\/v1\/strategies\/([^/:]+):start$/, ([name]) => changeStrategy(name, { state: 'running', running_since_ns: nowNs() })],
  ['POST', /^\/api\/v1\/strategies\/([^/:]+):stop$/, ([name]) => changeStrategy(name, { state: 'stopped', running_since_ns: null })],
  ['PUT', /^\/api\/v1\/strategies\/([^/]+)\/params$/, ([name], body) => changeStrategy(name, { params: { ...strategyOf(name).params, ...body } })],
  ['GET', /^\/api\/v1\/risk$/, () => engine.risk()],
  ['PUT', /^\/api\/v1\/risk\/limits$/, (_, { limits }) => { Object.assign(engine.limits, limits); return changeRisk({}); }],
  ['POST', /^\/api\/v1\/risk\/kill$/, (_, { reason }) => {
    engine.open().forEach((order) => engine.cancel(order));
    return changeRisk({ active: true, reason, actor: 'web', since_ns: nowNs() });
  }],
  ['POST', /^\/api\/v1\/risk\/resume$/, (_, { reason, actor }) => changeRisk({ active: false, reason, actor, since_ns: nowNs() })],
];

async function answer(request) {
  const { pathname } = new URL(request.url, 'http://x');
  let text = '';
  for await (const chunk of request) text += chunk;
  const entry = API.find(([method, pattern]) => method === request.method && pattern.test(pathname));
  if (!entry) throw new Refusal(404, 'not_found', pathname);
  const isCheck = pathname.endsWith(':check');
  if (request.method !== 'GET' && !isCheck && request.headers.authorization !== `Bearer ${TOKEN}`) throw new Refusal(401, 'token_wrong', 'the token is not the engine\'s');
  return entry[2](entry[1].exec(pathname).slice(1).map(decodeURIComponent), text ? JSON.parse(text) : {});
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://x');
  const policy = { 'Content-Security-Policy': "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" };
  if (pathname.startsWith('/dev/')) {
    if (pathname === '/dev/stale') staleUntil = Date.now() + 10_000;
    if (pathname === '/dev/silence') silentUntil = Date.now() + 10_000;
    if (pathname === '/dev/drop') clients.forEach(({ socket }) => socket.terminate());
    response.end();
  } else if (API.some(([, pattern]) => pattern.test(pathname))) {
    try {
      const reply = JSON.stringify(await answer(request));
      response.writeHead(request.method === 'POST' && pathname === '/api/v1/orders' ? 201 : 200, { 'Content-Type': 'application/json' }).end(reply);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status: code, more } = error;
      response.writeHead(code, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify({ type: 'about:blank', title: 'Refused', status: code, code: error.code, detail: error.message, ...more }));
    }
  } else {
    const path = join(DIST, normalize(pathname === '/' ? 'index.html' : pathname));
    const body = path.startsWith(DIST) ? await readFile(path).catch(() => null) : null;
    response.writeHead(body ? 200 : 404, { ...policy, 'Content-Type': TYPES[extname(path)] ?? 'text/plain' }).end(body ?? 'not found');
  }
});

new WebSocketServer({ server, path: '/ws/v1' }).on('connection', (socket) => {
  const client = { socket, channels: new Set() };
  clients.add(client);
  socket.on('close', () => clients.delete(client));
  socket.on('message', (data) => {
    if (Date.now() < silentUntil) return;
    const frame = JSON.parse(data);
    if (frame.op === 'ping') socket.send(JSON.stringify({ op: 'pong', now_ns: nowNs() }));
    for (const channel of frame.channels ?? []) {
      client.channels.delete(channel);
      if (frame.op !== 'subscribe') continue;
      client.channels.add(channel);
      socket.send(JSON.stringify({ channel, type: 'snapshot', seq: seqs.get(channel) ?? 1, data: snapshot(channel) }));
    }
  });
});

setInterval(() => {
  engine.messages += 5;
  for (const [symbol, market] of markets) {
    if (Date.now() < staleUntil) continue;
    const { book, news } = market.step();
    emit(`book.${symbol}`, book);
    if (news.length === 0) continue;
    emit(`trades.${symbol}`, { trades: news });
    for (const [name, seconds] of Object.entries(SECONDS)) emit(`candles.${symbol}.${name}`, { candles: market.candles.get(seconds).slice(-1) });
  }
  engine.step();
}, 60);
setInterval(() => emit('positions', engine.portfolio()), 250);
setInterval(() => { emit('strategies', { strategies: engine.strategies }); emit('risk', engine.risk()); }, 500);
setInterval(() => emit('health', status()), 1_000);

server.listen(PORT, '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}/#token=${TOKEN}`));
