// A seeded random walk with book, tape and candles: something to look at, not a market model.
const NS = 1_000_000n;
export const nowNs = () => String(BigInt(Date.now()) * NS);

/** Mulberry32: small, seeded, good enough to draw with. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const text = (value, digits) => {
  const fixed = value.toFixed(digits);
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed;
};

export class FakeMarket {
  constructor(instrument, startPrice, seed) {
    Object.assign(this, { instrument, mid: startPrice, rand: random(seed), seq: 0, trades: [], candles: new Map(), nextTrade: 1, levels: null });
    for (const seconds of [1, 60, 300, 900, 3600]) this.candles.set(seconds, this.history(seconds, startPrice));
    this.makeBook();
  }

  history(seconds, endPrice) {
    const now = Math.floor(Date.now() / 1000);
    const last = now - (now % seconds);
    const bars = [];
    let close = endPrice;
    for (let at = 0; at < 500; at += 1) {
      const open = close * (1 + (this.rand() - 0.5) * 0.0004 * Math.sqrt(seconds));
      const [high, low] = [Math.max(open, close) * (1 + this.rand() * 0.0002), Math.min(open, close) * (1 - this.rand() * 0.0002)];
      bars.unshift(this.bar(last - at * seconds, open, high, low, close, this.rand() * 4 * Math.sqrt(seconds), Math.ceil(this.rand() * 40)));
      close = open;
    }
    return bars;
  }

  bar(open_s, open, high, low, close, volume, trades) {
    const p = (value) => text(value, this.instrument.price_decimals);
    return { open_s, open: p(open), high: p(high), low: p(low), close: p(close), volume: text(volume, 4), trades };
  }

  makeBook() {
    const tick = Number(this.instrument.tick_size);
    const digits = this.instrument.price_decimals;
    const side = (sign) => {
      const levels = [];
      let price = Math.round(this.mid / tick) * tick + sign * tick * (1 + Math.floor(this.rand() * 3));
      for (let at = 0; at < 50; at += 1) {
        levels.push([text(price, digits), text(0.01 + this.rand() ** 3 * 2.5, this.instrument.quantity_decimals)]);
        price += sign * tick * (1 + Math.floor(this.rand() * 60));
      }
      return levels;
    };
    const before = this.levels;
    this.levels = { bids: side(-1), asks: side(1) };
    return before;
  }

  /** Moves the market once; returns the book delta and the new trades. */
  step() {
    this.mid *= 1 + (this.rand() - 0.5) * 0.00012;
    const before = this.rand() < 0.5 ? this.makeBook() : null;
    const changed = (side) => {
      if (!before) return this.levels[side].slice(0, 8).map((level) => { level[1] = text(0.01 + this.rand() ** 3 * 2.5, this.instrument.quantity_decimals); return [...level]; });
      const kept = new Set(this.levels[side].map(([price]) => price));
      return [...before[side].filter(([price]) => !kept.has(price)).map(([price]) => [price, '0']), ...this.levels[side]];
    };
    const book = { ts_ns: nowNs(), state: 'live', bids: changed('bids'), asks: changed('asks') };
    const news = this.rand() < 0.25 ? [this.trade(this.rand() < 0.5 ? 'buy' : 'sell', text(0.001 + this.rand() ** 4 * 0.8, this.instrument.quantity_decimals))] : [];
    return { book, news };
  }

  trade(side, quantity) {
    const [price] = side === 'buy' ? this.levels.asks[0] : this.levels.bids[0];
    const trade = { trade_id: String(this.nextTrade++), price, quantity, side, ts_ns: nowNs() };
    this.trades = [trade, ...this.trades].slice(0, 100);
    const now = Math.floor(Date.now() / 1000);
    for (const [seconds, bars] of this.candles) {
      const open_s = now - (now % seconds);
      const last = bars[bars.length - 1];
      if (last.open_s === open_s) {
        Object.assign(last, { close: price, volume: text(Number(last.volume) + Number(quantity), 4), trades: last.trades + 1 });
        if (Number(price) > Number(last.high)) last.high = price;
        if (Number(price) < Number(last.low)) last.low = price;
      } else {
        bars.push({ open_s, open: last.close, high: price, low: price, close: price, volume: quantity, trades: 1 });
      }
    }
    return trade;
  }
}
