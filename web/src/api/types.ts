// Generated from src/gateway/schema/openapi.json by `npm run generate`. Do not edit.

/** An exact decimal, shortest form, at most eight decimals. Never parse it as floating point. */
export type Decimal = string;

/** Nanoseconds UTC since 1970. */
export type Nanoseconds = string;

/** RFC 3339 UTC with nanoseconds, for people. */
export type Time = string;

/** A record's position in the execution log. */
export type Lsn = string;

/** The venue's text for an instrument, such as BTCUSDT. */
export type SymbolName = string;

/** The client's id for one order. The server makes one when it is absent. */
export type ClientOrderId = string;

export type Side = "buy" | "sell";

export type OrderType = "limit" | "market";

/** GTX is good-till-cancel and post-only. */
export type TimeInForce = "GTC" | "IOC" | "FOK" | "GTX";

/** Terminal: filled, canceled, rejected, expired. */
export type OrderStatus = "pending_new" | "new" | "partially_filled" | "filled" | "canceled" | "rejected" | "expired" | "pending_cancel" | "pending_replace" | "in_doubt";

export type OrderSource = "api" | "strategy";

/** PAPER trades against a simulated venue; LIVE trades with money. */
export type Mode = string;

export type FeedState = "live" | "stale" | "recovering" | "ended";

/** application/problem+json. `code` is stable. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  /** Stable; see the error list. */
  code: string;
  detail: string;
  hint?: string;
  /** The field that a bad_field, missing_field or unknown_field is about. */
  field?: string;
  order?: Order;
  [key: string]: unknown;
}

export interface Order {
  client_order_id: ClientOrderId;
  /** Our id for the request at the venue. */
  cl_ord_id: string;
  /** The venue's id; null before its acknowledgement. */
  order_id: string | null;
  symbol: SymbolName;
  side: Side;
  type: OrderType;
  time_in_force: TimeInForce;
  price: Decimal | null;
  quantity: Decimal;
  filled_quantity: Decimal;
  remaining_quantity: Decimal;
  average_price: Decimal | null;
  fees: Decimal;
  status: OrderStatus;
  source: OrderSource;
  strategy: string | null;
  /** Why it was refused; see the refusal list. */
  code: string | null;
  reason: string | null;
  created_ns: Nanoseconds;
  updated_ns: Nanoseconds;
  time: Time;
  lsn: Lsn;
}

/** One record of an order's life, in log order. */
export interface StoryStep {
  lsn: Lsn;
  ts_ns: Nanoseconds;
  time: Time;
  /** Since the step before; "0" for the first. */
  after_ns?: string;
  event: string;
  /** The event's own fields; a risk decision carries `checks`. */
  detail: Record<string, unknown>;
}

/** An order and everything the log knows about it. */
export type OrderStory = Order & {
  story: StoryStep[];
};

/** `price` is required for a limit order and refused for a market order. */
export interface NewOrder {
  symbol: SymbolName;
  side: Side;
  type: OrderType;
  quantity: Decimal;
  price?: Decimal;
  time_in_force?: TimeInForce;
  client_order_id?: ClientOrderId;
}

/** Either or both; `quantity` is the new total. */
export interface ReplaceOrder {
  price?: Decimal;
  quantity?: Decimal;
}

/** One check of the pre-trade gate: the limit, what the order would make it, and what is left. */
export interface RiskCheck {
  check: string;
  ok: boolean;
  limit: string | null;
  value: string | null;
  headroom: string | null;
}

export interface RiskVerdict {
  accepted: boolean;
  code: string | null;
  checks: RiskCheck[];
  notional: Decimal | null;
  fee_estimate: Decimal | null;
}

export interface Fill {
  exec_id: string;
  client_order_id: ClientOrderId;
  cl_ord_id: string;
  symbol: SymbolName;
  side: Side;
  price: Decimal;
  quantity: Decimal;
  fee: Decimal;
  fee_asset: string;
  liquidity: "maker" | "taker";
  realized_pnl: Decimal;
  strategy: string | null;
  ts_ns: Nanoseconds;
  time: Time;
  lsn: Lsn;
}

/** `quantity` is signed: negative is short. */
export interface Position {
  symbol: SymbolName;
  quantity: Decimal;
  average_price: Decimal | null;
  mark_price: Decimal | null;
  notional: Decimal;
  unrealized_pnl: Decimal;
  realized_pnl: Decimal;
  fees: Decimal;
  bought_quantity: Decimal;
  sold_quantity: Decimal;
}

export interface PositionTotals {
  notional: Decimal;
  unrealized_pnl: Decimal;
  realized_pnl: Decimal;
  fees: Decimal;
}

export interface Account {
  account: string;
  mode: Mode;
  environment: string;
  currency: string;
  cash: Decimal;
  equity: Decimal;
  realized_pnl: Decimal;
  unrealized_pnl: Decimal;
  fees: Decimal;
  day_pnl: Decimal;
  gross_exposure: Decimal;
  net_exposure: Decimal;
  open_orders: number;
}

export interface Instrument {
  instrument_id: number;
  symbol: SymbolName;
  venue: string;
  base: string;
  quote: string;
  tick_size: Decimal;
  lot_size: Decimal;
  min_notional: Decimal;
  price_decimals: number;
  quantity_decimals: number;
  status: "trading" | "halted";
  maker_fee_bps: Decimal;
  taker_fee_bps: Decimal;
}

/** [price, quantity]; in a delta, quantity "0" removes the level. */
export type Level = readonly [Decimal, Decimal];

/** Best first. A delta has the changed levels only. */
export interface Book {
  ts_ns: Nanoseconds;
  state: FeedState;
  bids: Level[];
  asks: Level[];
}

export type BookReply = {
  symbol: SymbolName;
  seq: number;
} & Book;

/** `side` is the taker's. */
export interface Trade {
  trade_id: string;
  price: Decimal;
  quantity: Decimal;
  side: Side;
  ts_ns: Nanoseconds;
}

export interface Trades {
  trades: Trade[];
  /** How many were skipped before these. */
  missed?: number;
}

export type Interval = "1s" | "1m" | "5m" | "15m" | "1h";

export interface Candle {
  /** Start of the bar, seconds UTC. */
  open_s: number;
  open: Decimal;
  high: Decimal;
  low: Decimal;
  close: Decimal;
  volume: Decimal;
  trades: number;
}

export interface Candles {
  candles: Candle[];
}

export type CandlesReply = {
  symbol: SymbolName;
  interval: Interval;
} & Candles;

export interface Orders {
  orders: Order[];
}

export type OrderPage = Orders & {
  next_cursor: string | null;
};

export interface Fills {
  fills: Fill[];
}

export type FillPage = Fills & {
  next_cursor: string | null;
};

export interface Positions {
  positions: Position[];
  totals: PositionTotals;
}

export type Portfolio = Positions & {
  account: Account;
};

export interface CancelAllReply {
  requested: number;
}

export interface Strategy {
  name: string;
  /** market_maker or ma_cross */
  type: string;
  symbol: SymbolName;
  state: "running" | "stopped" | "faulted";
  params: Record<string, unknown>;
  schema: ParamsSchema;
  running_since_ns: Nanoseconds | null;
  orders: number;
  fills: number;
  rejects: number;
  position: Decimal;
  realized_pnl: Decimal;
  unrealized_pnl: Decimal;
  fees: Decimal;
  last_decision: string;
  error: string | null;
}

/** The JSON Schema of a strategy's parameters. */
export type ParamsSchema = Record<string, unknown>;

export interface Strategies {
  strategies: Strategy[];
}

export interface KillSwitch {
  active: boolean;
  actor: string | null;
  reason: string | null;
  since_ns: Nanoseconds | null;
}

/** `used` is null for limits that apply to one order at a time. */
export interface RiskLimit {
  name: string;
  limit: Decimal;
  used: Decimal | null;
  unit: string;
}

export interface Risk {
  kill_switch: KillSwitch;
  limits: RiskLimit[];
  /** Refusals since the start, by code. */
  rejects: Record<string, number>;
}

export interface RiskLimitsChange {
  limits: Record<string, Decimal>;
  reason: string;
}

export interface KillRequest {
  reason: string;
}

export interface ResumeRequest {
  reason: string;
  actor: string;
}

export interface FeedHealth {
  symbol: SymbolName;
  state: FeedState;
  age_ms: number;
  messages: number;
  gaps: number;
}

export interface LogHealth {
  head_lsn: Lsn;
  durable_lsn: Lsn;
  bytes: number;
  segments: number;
  sync_p50_us: number;
  sync_p99_us: number;
  appended: number;
  failed: boolean;
  checkpoint?: CheckpointHealth;
  start?: StartHealth;
}

export interface CheckpointHealth {
  lsn: Lsn;
  bytes: number;
  failed: boolean;
  error: string;
}

export interface StartHealth {
  checkpoint_lsn: Lsn;
  replayed: number;
  passed_over: number;
  ms: number;
}

export interface CheckpointWritten {
  lsn: Lsn;
  bytes: number;
  copy_ms: number;
  ms: number;
}

export interface EngineHealth {
  loops: number;
  last_loop_ns: Nanoseconds;
  sync: string;
}

export interface GatewayHealth {
  clients: number;
  requests: number;
}

export interface Status {
  version: string;
  commit: string;
  environment: string;
  mode: Mode;
  /** Of the configuration hub, "prod-12"; empty: none was applied. Of many processes only. */
  config_revision?: string;
  /** SHA-256 of every value that this process reads at a start */
  config_digest?: string;
  market_source: string;
  seed: number;
  started_ns: Nanoseconds;
  now_ns: Nanoseconds;
  uptime_s: number;
  engine: EngineHealth;
  feed: FeedHealth[];
  log: LogHealth;
  state_hash: string;
  gateway: GatewayHealth;
  kill_switch: KillSwitch;
}

export interface Health {
  status: "healthy" | "unhealthy";
  mode?: Mode;
  version?: string;
  uptime_s?: number;
  warnings?: string[];
}

export interface HealthReport {
  status: "pass" | "warn" | "fail";
  version?: string;
  releaseId?: string;
  serviceId: string;
  service?: string;
  colour?: string;
  environment?: string;
  mode?: string;
  state: "starting" | "recovering" | "ready" | "draining" | "stopped";
  ready: boolean;
  uptime_s?: number;
  output?: string;
  notes?: string[];
  checks?: Record<string, HealthCheck[]>;
}

export interface HealthCheck {
  status: "pass" | "warn" | "fail";
  observedValue?: number;
  observedUnit?: string;
  output?: string;
  time: string;
  since?: string;
}

export interface Requested {
  requested: "drain" | "reload" | "pause" | "resume";
}

export interface Metrics {
  messages_per_second: number;
  active_connections: number;
  avg_latency_us: number;
  p99_latency_us: number;
  total_messages: number;
  memory_usage_bytes: number;
  [key: string]: unknown;
}

export interface Ready {
  ready: boolean;
  checks: Record<string, unknown>;
}

export interface Instruments {
  instruments: Instrument[];
}

/** What a client may send on /ws/v1. */
export type ClientFrame = {
  op: "subscribe" | "unsubscribe";
  channels: string[];
  /** With subscribe: the reason of a close with code 1012, as it came. */
  resume?: string;
} | {
  op: "ping";
};

export interface SnapshotFrame {
  channel: string;
  type: "snapshot";
  seq: number;
  /** In answer to resume: true when nothing since then is missing from the snapshot. */
  resumed?: boolean;
  data: unknown;
}

export interface DeltaFrame {
  channel: string;
  type: "delta";
  prev_seq: number;
  seq: number;
  data: unknown;
}

export interface PongFrame {
  op: "pong";
  now_ns: Nanoseconds;
}

export interface ErrorFrame {
  op: "error";
  code: string;
  detail: string;
}

/** What the server sends on /ws/v1. */
export type ServerFrame = SnapshotFrame | DeltaFrame | PongFrame | ErrorFrame;

export interface Calls {
  /** Is the engine loop alive; with a parameter, how every check stands */
  getHealth: {
    path: Record<never, never>;
    query: { verbose?: string; exclude?: string };
    body: undefined;
    reply: Health;
  };
  /** May the engine take orders; with a parameter, as /readyz */
  getReady: {
    path: Record<never, never>;
    query: { verbose?: string; exclude?: string };
    body: undefined;
    reply: Ready;
  };
  /** Version, feed, log, engine and kill switch */
  getStatus: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    reply: Status;
  };
  /** Does the loop turn */
  getLivez: {
    path: Record<never, never>;
    query: { verbose?: string; exclude?: string };
    body: undefined;
    reply: HealthReport;
  };
  /** May it take orders */
  getReadyz: {
    path: Record<never, never>;
    query: { verbose?: string; exclude?: string };
    body: undefined;
    reply: HealthReport;
  };
  /** Has it been ready once */
  getStartupz: {
    path: Record<never, never>;
    query: { verbose?: string; exclude?: string };
    body: undefined;
    reply: HealthReport;
  };
  /** As /livez */
  getHealthLive: {
    path: Record<never, never>;
    query: { verbose?: string; exclude?: string };
    body: undefined;
    reply: HealthReport;
  };
  /** As /readyz */
  getHealthReady: {
    path: Record<never, never>;
    query: { verbose?: string; exclude?: string };
    body: undefined;
    reply: HealthReport;
  };
  /** As /startupz */
  getHealthStartup: {
    path: Record<never, never>;
    query: { verbose?: string; exclude?: string };
    body: undefined;
    reply: HealthReport;
  };
  /** Finish what is under way and take no more, where the process can */
  drainProcess: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    reply: Requested;
  };
  /** Read the configuration again, where the process can */
  reloadProcess: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    reply: Requested;
  };
  /** Hold, where the process can */
  pauseProcess: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    reply: Requested;
  };
  /** Go on, where the process can */
  resumeProcess: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    reply: Requested;
  };
  /** Prometheus text, or JSON on request */
  getMetrics: {
    path: Record<never, never>;
    query: { format?: "json" | "text" };
    body: undefined;
    reply: Metrics;
  };
  /** What can be traded */
  listInstruments: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    reply: Instruments;
  };
  /** Market depth, best first */
  getBook: {
    path: { symbol: SymbolName };
    query: { depth?: number };
    body: undefined;
    reply: BookReply;
  };
  /** The last trades, newest first */
  listTrades: {
    path: { symbol: SymbolName };
    query: { limit?: number };
    body: undefined;
    reply: Trades;
  };
  /** Candles, oldest first */
  listCandles: {
    path: { symbol: SymbolName };
    query: { interval?: Interval; limit?: number };
    body: undefined;
    reply: CandlesReply;
  };
  /** Orders, newest first */
  listOrders: {
    path: Record<never, never>;
    query: { status?: "open" | "closed" | "all"; symbol?: SymbolName; limit?: number; cursor?: string };
    body: undefined;
    reply: OrderPage;
  };
  /** Place an order; answered once its intent is durable and decided */
  placeOrder: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: NewOrder;
    reply: Order;
  };
  /** Cancel every open order, or those of one symbol */
  cancelAllOrders: {
    path: Record<never, never>;
    query: { symbol?: SymbolName };
    body: undefined;
    reply: CancelAllReply;
  };
  /** The risk verdict on an order; nothing is sent */
  checkOrder: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: NewOrder;
    reply: RiskVerdict;
  };
  /** One order with its story */
  getOrder: {
    path: { client_order_id: ClientOrderId };
    query: Record<never, never>;
    body: undefined;
    reply: OrderStory;
  };
  /** Change price or quantity; answered after the venue */
  replaceOrder: {
    path: { client_order_id: ClientOrderId };
    query: Record<never, never>;
    body: ReplaceOrder;
    reply: Order;
  };
  /** Cancel; answered after the venue */
  cancelOrder: {
    path: { client_order_id: ClientOrderId };
    query: Record<never, never>;
    body: undefined;
    reply: Order;
  };
  /** Fills, newest first */
  listFills: {
    path: Record<never, never>;
    query: { symbol?: SymbolName; client_order_id?: ClientOrderId; limit?: number; cursor?: string };
    body: undefined;
    reply: FillPage;
  };
  /** Positions and their totals */
  listPositions: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    reply: Positions;
  };
  /** Cash, equity, profit and exposure */
  getAccount: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    reply: Account;
  };
  /** Strategies with parameters and results */
  listStrategies: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    reply: Strategies;
  };
  /** Start a strategy */
  startStrategy: {
    path: { name: string };
    query: Record<never, never>;
    body: undefined;
    reply: Strategy;
  };
  /** Stop a strategy */
  stopStrategy: {
    path: { name: string };
    query: Record<never, never>;
    body: undefined;
    reply: Strategy;
  };
  /** Change some parameters */
  setStrategyParams: {
    path: { name: string };
    query: Record<never, never>;
    body: Record<string, unknown>;
    reply: Strategy;
  };
  /** Kill switch, limits and refusals */
  getRisk: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    reply: Risk;
  };
  /** Change limits */
  setRiskLimits: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: RiskLimitsChange;
    reply: Risk;
  };
  /** Cancel every open order and refuse new ones */
  tripKillSwitch: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: KillRequest;
    reply: Risk;
  };
  /** Take orders again */
  resumeTrading: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: ResumeRequest;
    reply: Risk;
  };
  /** Write a checkpoint of the engine's state now */
  writeCheckpoint: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    reply: CheckpointWritten;
  };
  /** Every open order and the last 1,000 closed */
  getOrdersState: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    reply: Orders;
  };
}

export const routes = {
  getHealth: { method: 'GET', path: '/health' },
  getReady: { method: 'GET', path: '/ready' },
  getStatus: { method: 'GET', path: '/status' },
  getLivez: { method: 'GET', path: '/livez' },
  getReadyz: { method: 'GET', path: '/readyz' },
  getStartupz: { method: 'GET', path: '/startupz' },
  getHealthLive: { method: 'GET', path: '/health/live' },
  getHealthReady: { method: 'GET', path: '/health/ready' },
  getHealthStartup: { method: 'GET', path: '/health/startup' },
  drainProcess: { method: 'POST', path: '/-/drain' },
  reloadProcess: { method: 'POST', path: '/-/reload' },
  pauseProcess: { method: 'POST', path: '/-/pause' },
  resumeProcess: { method: 'POST', path: '/-/resume' },
  getMetrics: { method: 'GET', path: '/metrics' },
  listInstruments: { method: 'GET', path: '/api/v1/instruments' },
  getBook: { method: 'GET', path: '/api/v1/book/{symbol}' },
  listTrades: { method: 'GET', path: '/api/v1/trades/{symbol}' },
  listCandles: { method: 'GET', path: '/api/v1/candles/{symbol}' },
  listOrders: { method: 'GET', path: '/api/v1/orders' },
  placeOrder: { method: 'POST', path: '/api/v1/orders' },
  cancelAllOrders: { method: 'DELETE', path: '/api/v1/orders' },
  checkOrder: { method: 'POST', path: '/api/v1/orders:check' },
  getOrder: { method: 'GET', path: '/api/v1/orders/{client_order_id}' },
  replaceOrder: { method: 'PATCH', path: '/api/v1/orders/{client_order_id}' },
  cancelOrder: { method: 'DELETE', path: '/api/v1/orders/{client_order_id}' },
  listFills: { method: 'GET', path: '/api/v1/fills' },
  listPositions: { method: 'GET', path: '/api/v1/positions' },
  getAccount: { method: 'GET', path: '/api/v1/account' },
  listStrategies: { method: 'GET', path: '/api/v1/strategies' },
  startStrategy: { method: 'POST', path: '/api/v1/strategies/{name}:start' },
  stopStrategy: { method: 'POST', path: '/api/v1/strategies/{name}:stop' },
  setStrategyParams: { method: 'PUT', path: '/api/v1/strategies/{name}/params' },
  getRisk: { method: 'GET', path: '/api/v1/risk' },
  setRiskLimits: { method: 'PUT', path: '/api/v1/risk/limits' },
  tripKillSwitch: { method: 'POST', path: '/api/v1/risk/kill' },
  resumeTrading: { method: 'POST', path: '/api/v1/risk/resume' },
  writeCheckpoint: { method: 'POST', path: '/api/v1/journal/checkpoint' },
  getOrdersState: { method: 'GET', path: '/api/orders_state' },
} as const satisfies Record<keyof Calls, { method: string; path: string }>;

/** What each WebSocket channel carries, by its pattern. */
export interface Channels {
  "book.{symbol}": { snapshot: Book; delta: Book };
  "trades.{symbol}": { snapshot: Trades; delta: Trades };
  "candles.{symbol}.{interval}": { snapshot: Candles; delta: Candles };
  "orders": { snapshot: Orders; delta: Orders };
  "fills": { snapshot: Fills; delta: Fills };
  "positions": { snapshot: Portfolio; delta: Portfolio };
  "strategies": { snapshot: Strategies; delta: Strategies };
  "risk": { snapshot: Risk; delta: Risk };
  "health": { snapshot: Status; delta: Status };
}
