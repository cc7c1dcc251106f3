// Orders, positions, strategies and risk with just enough behaviour to show every state of the page.
import { nowNs, text } from './fake_market.mjs';

const OPEN = new Set(['new', 'partially_filled', 'pending_new']);
const iso = (ns) => `${new Date(Number(BigInt(ns) / 1_000_000n)).toISOString().slice(0, -1)}000000Z`;

export class FakeEngine {
  constructor(markets, emit) {
    Object.assign(this, { markets, emit, orders: new Map(), fills: [], positions: new Map(), stories: new Map(), lsn: 1000, cash: 100_000, rejects: {}, messages: 0 });
    this.kill = { active: false, actor: null, reason: null, since_ns: null };
    this.limits = { max_order_notional: '25000', position_limit: '2', gross_exposure: '150000', open_orders: '50', orders_per_second: '20', daily_loss: '2000' };
    this.strategies = [this.strategy('mm1', 'market_maker', 'BTCUSDT'), this.strategy('trend', 'ma_cross', 'ETHUSDT')];
    this.strategies[0].state = 'running';
    this.strategies[0].running_since_ns = nowNs();
  }

  strategy(name, type, symbol) {
    const decimalField = (title, minimum, maximum, unit) => ({ type: 'string', format: 'decimal', title, minimum, maximum, unit });
    const properties = type === 'market_maker'
      ? { half_spread_bps: decimalField('Half spread', '0.1', '100', 'bp'), quantity: decimalField('Quantity', '0.001', '1', 'BTC'), max_position: decimalField('Max position', '0', '5', 'BTC'), levels: { type: 'integer', title: 'Levels', minimum: 1, maximum: 5 } }
      : { fast_bars: { type: 'integer', title: 'Fast bars', minimum: 2, maximum: 100 }, slow_bars: { type: 'integer', title: 'Slow bars', minimum: 3, maximum: 500 }, quantity: decimalField('Quantity', '0.01', '10', 'ETH'), shorts: { type: 'boolean', title: 'Allow shorts' } };
    const params = type === 'market_maker' ? { half_spread_bps: '1.5', quantity: '0.01', max_position: '0.5', levels: 2 } : { fast_bars: 12, slow_bars: 48, quantity: '0.5', shorts: true };
    return { name, type, symbol, state: 'stopped', params, schema: { type: 'object', properties }, running_since_ns: null, orders: 0, fills: 0, rejects: 0, position: '0', realized_pnl: '0', unrealized_pnl: '0', fees: '0', last_decision: '', error: null };
  }

  check({ symbol, side, type, quantity, price }) {
    const market = this.markets.get(symbol);
    const mark = market.mid;
    const at = type === 'market' ? mark : Number(price);
    const notional = at * Number(quantity);
    const held = Number(this.positions.get(symbol)?.quantity ?? 0) + (side === 'buy' ? 1 : -1) * Number(quantity);
    const row = (check, ok, limit, value, headroom) => ({ check, ok, limit, value, headroom });
    const off = Math.abs(at / mark - 1) * 10_000;
    const checks = [
      row('KillSwitch', !this.kill.active, null, this.kill.active ? 'active' : 'off', null),
      row('MaxOrderNotional', notional <= Number(this.limits.max_order_notional), this.limits.max_order_notional, text(notional, 2), text(Number(this.limits.max_order_notional) - notional, 2)),
      row('PriceBand', off <= 500, '500', text(off, 1), text(500 - off, 1)),
      row('PositionLimit', Math.abs(held) <= Number(this.limits.position_limit), this.limits.position_limit, text(Math.abs(held), 5), text(Number(this.limits.position_limit) - Math.abs(held), 5)),
      row('OpenOrdersLimit', this.open().length < Number(this.limits.open_orders), this.limits.open_orders, String(this.open().length + 1), String(Number(this.limits.open_orders) - this.open().length - 1)),
    ];
    const failed = checks.find(({ ok }) => !ok);
    return { accepted: !failed, code: failed?.check ?? null, checks, notional: text(notional, 4), fee_estimate: text(notional * 0.0005, 6) };
  }

  place(body, strategy = null) {
    const ts = nowNs();
    const verdict = this.check(body);
    const order = {
      client_order_id: body.client_order_id ?? `s-${this.lsn}`, cl_ord_id: `A${this.lsn}`, order_id: String(90_000 + this.lsn), symbol: body.symbol, side: body.side, type: body.type,
      time_in_force: body.time_in_force ?? 'GTC', price: body.price ?? null, quantity: body.quantity, filled_quantity: '0', remaining_quantity: body.quantity, average_price: null, fees: '0',
      status: verdict.accepted ? 'new' : 'rejected', source: strategy ? 'strategy' : 'api', strategy, code: verdict.code, reason: verdict.accepted ? null : `${verdict.code}: over the limit`,
      created_ns: ts, updated_ns: ts, time: iso(ts), lsn: String((this.lsn += 1)),
    };
    this.orders.set(order.client_order_id, order);
    this.tell(order, 'intent', { symbol: order.symbol, side: order.side, price: order.price, quantity: order.quantity, source: order.source });
    this.tell(order, 'risk_decision', { accepted: verdict.accepted, code: verdict.code, checks: verdict.checks }, 11_200n);
    if (!verdict.accepted) {
      this.rejects[verdict.code] = (this.rejects[verdict.code] ?? 0) + 1;
      this.changed(order);
      return order;
    }
    this.tell(order, 'order_send', { venue: 'sim', cl_ord_id: order.cl_ord_id }, 3_100n);
    this.tell(order, 'acknowledged', { order_id: order.order_id }, 182_000n);
    this.match(order);
    if (OPEN.has(order.status) && ['IOC', 'FOK'].includes(order.time_in_force)) this.finish(order, 'expired');
    this.changed(order);
    return order;
  }

  tell(order, event, detail, afterNs = 0n) {
    const story = this.stories.get(order.client_order_id) ?? [];
    const last = story.at(-1);
    const ts_ns = last && event !== 'fill' && event !== 'canceled' && event !== 'replaced' ? String(BigInt(last.ts_ns) + afterNs) : nowNs();
    story.push({ lsn: String((this.lsn += 1)), ts_ns, time: iso(ts_ns), event, detail });
    this.stories.set(order.client_order_id, story);
  }

  match(order) {
    const { levels } = this.markets.get(order.symbol);
    const [[touch]] = order.side === 'buy' ? levels.asks : levels.bids;
    const crosses = order.type === 'market' || (order.side === 'buy' ? Number(order.price) >= Number(touch) : Number(order.price) <= Number(touch));
    if (crosses) this.fill(order, touch, order.remaining_quantity);
  }

  fill(order, price, quantity) {
    const market = this.markets.get(order.symbol).instrument;
    const fee = Number(price) * Number(quantity) * 0.0005;
    const sign = order.side === 'buy' ? 1 : -1;
    const position = this.positions.get(order.symbol) ?? { symbol: order.symbol, quantity: 0, average: 0, realized: 0, fees: 0, bought: 0, sold: 0 };
    const before = position.quantity;
    const after = before + sign * Number(quantity);
    let realized = 0;
    if (before !== 0 && Math.sign(before) !== sign) realized = Math.min(Math.abs(before), Number(quantity)) * (Number(price) - position.average) * Math.sign(before);
    if (before === 0 || Math.sign(before) === sign) position.average = (position.average * Math.abs(before) + Number(price) * Number(quantity)) / Math.abs(after);
    else if (Math.sign(after) === sign) position.average = Number(price);
    Object.assign(position, { quantity: Math.abs(after) < 1e-9 ? 0 : after, realized: position.realized + realized, fees: position.fees + fee });
    position[sign > 0 ? 'bought' : 'sold'] += Number(quantity);
    this.positions.set(order.symbol, position);
    const ts_ns = nowNs();
    const fill = { exec_id: `E${(this.lsn += 1)}`, client_order_id: order.client_order_id, cl_ord_id: order.cl_ord_id, symbol: order.symbol, side: order.side, price, quantity, fee: text(fee, 6), fee_asset: 'USDT', liquidity: order.status === 'new' && order.strategy ? 'maker' : 'taker', realized_pnl: text(realized, 4), strategy: order.strategy, ts_ns, time: iso(ts_ns), lsn: String(this.lsn) };
    this.fills = [fill, ...this.fills].slice(0, 500);
    Object.assign(order, { filled_quantity: order.quantity, remaining_quantity: '0', average_price: price, fees: text(fee, 6), status: 'filled', updated_ns: ts_ns });
    this.tell(order, 'fill', { exec_id: fill.exec_id, price, quantity, liquidity: fill.liquidity, fee: fill.fee });
    const strategy = this.strategies.find(({ name }) => name === order.strategy);
    if (strategy) Object.assign(strategy, { fills: strategy.fills + 1, position: text(position.quantity, market.quantity_decimals), realized_pnl: text(position.realized, 4), fees: text(position.fees, 4) });
    this.emit('fills', { fills: [fill] });
  }

  finish(order, status) {
    Object.assign(order, { status, updated_ns: nowNs() });
    this.tell(order, status, {});
  }

  cancel(order) {
    this.finish(order, 'canceled');
    this.changed(order);
    return order;
  }

  replace(order, change) {
    Object.assign(order, change, { updated_ns: nowNs() });
    order.remaining_quantity = order.quantity;
    this.tell(order, 'replaced', change);
    this.match(order);
    this.changed(order);
    return order;
  }

  open() { return [...this.orders.values()].filter(({ status }) => OPEN.has(status)); }
  changed(order) { this.emit('orders', { orders: [{ ...order }] }); }

  /** Resting orders that the market reached, and the quotes of a running market maker. */
  step() {
    for (const order of this.open()) {
      this.match(order);
      if (order.status === 'filled') this.changed(order);
    }
    for (const strategy of this.strategies) {
      if (strategy.state !== 'running' || this.kill.active || Math.random() > 0.12) continue;
      const market = this.markets.get(strategy.symbol);
      this.open().filter((order) => order.strategy === strategy.name).forEach((order) => this.cancel(order));
      const half = market.mid * 0.00008;
      for (const side of ['buy', 'sell']) {
        this.place({ symbol: strategy.symbol, side, type: 'limit', quantity: '0.01', price: text(market.mid + (side === 'buy' ? -half : half), market.instrument.price_decimals) }, strategy.name);
        strategy.orders += 1;
      }
      strategy.last_decision = `quote ${text(market.mid - half, 2)} / ${text(market.mid + half, 2)}, skew 0.0 bp`;
    }
  }

  portfolio() {
    const rows = [...this.positions.values()].map((p) => {
      const mark = this.markets.get(p.symbol).mid;
      return { raw: { n: p.quantity * mark, u: p.quantity * (mark - p.average), r: p.realized, f: p.fees }, symbol: p.symbol, quantity: text(p.quantity, 5), average_price: p.quantity ? text(p.average, 2) : null, mark_price: text(mark, 2), notional: text(p.quantity * mark, 4), unrealized_pnl: text(p.quantity * (mark - p.average), 4), realized_pnl: text(p.realized, 4), fees: text(p.fees, 4), bought_quantity: text(p.bought, 5), sold_quantity: text(p.sold, 5) };
    });
    const total = (key) => rows.reduce((sum, row) => sum + row.raw[key], 0);
    const equity = this.cash + total('u') + total('r') - total('f');
    const totals = { notional: text(total('n'), 4), unrealized_pnl: text(total('u'), 4), realized_pnl: text(total('r'), 4), fees: text(total('f'), 4) };
    const gross = rows.reduce((sum, row) => sum + Math.abs(row.raw.n), 0);
    return {
      positions: rows.map(({ raw, ...row }) => row), totals,
      account: { account: 'paper-1', mode: 'PAPER', environment: 'development', currency: 'USDT', cash: text(this.cash - total('n'), 4), equity: text(equity, 4), ...{ realized_pnl: totals.realized_pnl, unrealized_pnl: totals.unrealized_pnl, fees: totals.fees }, day_pnl: text(equity - this.cash, 4), gross_exposure: text(gross, 4), net_exposure: totals.notional, open_orders: this.open().length },
    };
  }

  risk() {
    const { account } = this.portfolio();
    const used = { gross_exposure: account.gross_exposure, open_orders: String(this.open().length), position_limit: text(Math.abs(this.positions.get('BTCUSDT')?.quantity ?? 0), 5), orders_per_second: '2', daily_loss: text(Math.max(0, -Number(account.day_pnl)), 2) };
    const units = { max_order_notional: 'USDT', position_limit: 'BTC', gross_exposure: 'USDT', open_orders: 'orders', orders_per_second: '/s', daily_loss: 'USDT' };
    return { kill_switch: this.kill, limits: Object.entries(this.limits).map(([name, limit]) => ({ name, limit, used: used[name] ?? null, unit: units[name] })), rejects: this.rejects };
  }
}
