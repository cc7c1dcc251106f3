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

/** One deployment, as the list of them shows it. */
export interface DeploymentSummary {
  id: string;
  /** Empty: the program that the platform was started with. */
  release: string;
  version: string;
  strategy: "blue-green" | "rolling" | "recreate";
  roles: string[];
  /** Who ordered it. */
  actor: string;
  reason: string;
  /** The deployment that it takes back; 0: none. */
  rolls_back: string;
  began_ns: Nanoseconds;
  ended_ns: Nanoseconds | null;
  outcome: "running" | "committed" | "rolled_back" | "rollback_failed" | "abandoned";
  /** Under way or next; empty when it is over. */
  step: string;
  /** What it waits for a person for. */
  question: string;
  /** Why it went back. */
  failure: string;
}

export interface DeploymentPage {
  now_ns: Nanoseconds;
  deployments: DeploymentSummary[];
  next_cursor: string | null;
}

export interface DeploymentStep {
  name: string;
  roles: string[];
  /** On the way back. */
  back: boolean;
  state: "pending" | "running" | "waiting" | "done" | "failed" | "aborted" | "skipped";
  began_ns: Nanoseconds | null;
  ended_ns: Nanoseconds | null;
  /** What it waits for, why it failed, how long nobody led. */
  detail: string;
}

/** One role that is deployed: what it ran, what it is to run, how each switch went. */
export interface DeploymentLane {
  role: string;
  from_colour: Colour;
  from_release: string;
  from_epoch: string;
  to_colour: Colour;
  to_release: string;
  switches: DeploymentSwitch[];
}

export interface DeploymentSwitch {
  back: boolean;
  /** Nobody led for so long. */
  hold_ms: number;
  /** From the order until the new one led. */
  whole_ms: number;
}

/** null: nobody told it. */
export interface SoakFigure {
  name: "requests" | "errors" | "refusals" | "p99" | "gaps" | "equal_outputs";
  unit: "count" | "ppm" | "us";
  now: number | null;
  before: number | null;
  /** Of requests: so many are needed. Of the rest: more is bad. */
  allowed: number | null;
  /** Of a ratio: how many it counts. */
  count: number | null;
  ok: boolean;
}

export interface Soak {
  over: boolean;
  verdict: "good" | "bad" | "inconclusive" | "failed";
  findings: string[];
  figures: SoakFigure[];
}

/** Whether whoever looks may say it now, and if not, why. */
export interface DeploymentAsk {
  ask: DeploymentVerb;
  allowed: boolean;
  why_not: string;
}

export type DeploymentVerb = "promote" | "approve" | "pause" | "resume" | "abort" | "rollback";

export interface DeploymentRecord {
  at_ns: Nanoseconds;
  kind: "began" | "begun" | "ended" | "waits" | "asked" | "failed" | "over";
  step: string;
  verb: string;
  actor: string;
  text: string;
}

export interface Deadline {
  what: string;
  until_ns: Nanoseconds;
}

export interface DeploymentDetail {
  /** Of the release's manifest: what is approved. */
  digest: string;
  paused: boolean;
  going_back: boolean;
  /** hub, or who else; empty: nobody. */
  driven_by: string;
  waits_for: string;
  approvals_needed: number;
  approved_by: string[];
  hold_max_ms: number;
  steps: DeploymentStep[];
  deadline: Deadline | null;
  lanes: DeploymentLane[];
  soak: Soak | null;
  asks: DeploymentAsk[];
  records: DeploymentRecord[];
}

export type Deployment = DeploymentSummary & DeploymentDetail;

export type Colour = "blue" | "green";

/** One process of a role, as it was at the hub's last look. */
export interface PlatformInstance {
  name: string;
  colour: Colour;
  release: string;
  version: string;
  commit: string;
  /** Not what a crash restarts. */
  beside: boolean;
  running: boolean;
  ready: boolean;
  restarts: number;
  failure: string;
  /** leading, following, …; none or unknown where a role cannot be switched or does not tell. */
  mode: string;
  epoch: string;
  lsn: string;
  lag_records: number;
  /** Outputs found equal to the leader's. */
  compared: number;
  /** The first one that was not. */
  differs_at: string | null;
  difference: string;
  state_hash: string;
}

export interface PlatformRole {
  role: string;
  /** It can be handed to a second process. */
  switches: boolean;
  instances: PlatformInstance[];
}

export interface Platform {
  /** What cannot be seen now, and why. */
  trouble: string;
  roles: PlatformRole[];
}

/** A deployment and the platform that it changes. No deployment: there was never any. */
export interface DeploymentLook {
  now_ns: Nanoseconds;
  deployment: Deployment | null;
  platform: Platform;
}

/** `step` is the one that was looked at: at another one by now it is refused as stale. The same `request_id` again does nothing twice. */
export interface DeploymentAct {
  reason: string;
  step?: string;
  /** 1 to 64 of letters, digits and . _ - @ : */
  request_id?: string;
  /** The environment's name; production asks for it. */
  env_name?: string;
}

export interface DeploymentDone {
  /** Of a rollback: the deployment that does it. */
  id: string;
  ask: DeploymentVerb;
}

export type SpaceRole = "viewer" | "editor" | "approver" | "deployer" | "admin";

export interface ConfigSpace {
  space: string;
  /** Promotions come from there; empty: it is the first. */
  upstream: string;
  environment: string;
  approvals_required: number;
  /** REVISION:HASH8 */
  head: string;
  /** The revision that runs; 0: none was applied. */
  live: number;
  conflicts: number;
  broken_glass: number;
  your_roles: SpaceRole[];
}

export interface ConfigSpaces {
  spaces: ConfigSpace[];
}

export interface ConfigRevision {
  revision: number;
  /** SHA-256 of the space's content. */
  hash: string;
  head: string;
  time: string;
  verb: string;
  user: string;
  reason: string;
  lsn: number;
  authors: string[];
  approved_by: string[];
  tags: string[];
  live: boolean;
}

export interface ConfigRevisions {
  revisions: ConfigRevision[];
}

/** Both sides changed it since the last promotion. */
export interface ConfigConflict {
  path: string;
  base: string | null;
  ours: string | null;
  theirs: string | null;
}

/** Applied without approval. */
export interface BrokenGlass {
  revision: number;
  head: string;
  user: string;
  reason: string;
  time: string;
  lsn: number;
}

export interface ConfigApply {
  revision: number;
  user: string;
  time: string;
  over: boolean;
  ok: boolean;
  result: string;
}

/** What was applied last. */
export interface ConfigLive {
  revision: number;
  hash: string;
  name: string;
  environment: string;
  backwards: boolean;
  broke_glass: boolean;
  text: string;
  digests: Record<string, string>;
}

export interface ConfigSpaceDetail {
  space: string;
  environment: string;
  upstream: string;
  merged_revision: number;
  approvals_required: number;
  head: ConfigRevision;
  conflicts: ConfigConflict[];
  /** Paths that promotions leave alone. */
  protected: string[];
  broken_glass: BrokenGlass[];
  grants: Record<string, SpaceRole[]>;
  apply?: ConfigApply;
  live?: ConfigLive;
}

export interface ConfigUnit {
  unit: string;
  number: number;
  hash: string;
  /** Of the space, with which its content came. */
  revision: number;
  labels: Record<string, string>;
  keys: number;
  doc: string;
}

export interface ConfigUnits {
  units: ConfigUnit[];
}

export interface ConfigDifference {
  unit: string;
  path: string;
  from: string | null;
  to: string | null;
}

export interface ConfigDiff {
  from: string;
  to: string;
  paths: ConfigDifference[];
  /** Roles that have to start anew for it. */
  restarts: string[];
  /** What it means. */
  words: string[];
}

export interface DriftInstance {
  role: string;
  instance: string;
  runs_revision: string;
  runs_digest: string;
  wanted_digest: string;
  in_sync: boolean;
  drift: string;
}

export interface DriftFinding {
  where: string;
  what: string;
}

export interface ConfigDrift {
  space: string;
  /** prod-12; empty: nothing of it was applied yet. */
  wanted: string;
  trouble: string;
  instances: DriftInstance[];
  findings: DriftFinding[];
  in_sync: boolean;
}

export interface AuditRecord {
  lsn: number;
  time: string;
  user: string;
  uid: number;
  verb: string;
  space: string;
  object: string;
  value: string;
  revision: number;
  hash: string;
  reason: string;
}

/** Oldest first, the newest `limit` of them. */
export interface ConfigAudit {
  records: AuditRecord[];
}

/** Each record carries the SHA-256 of the one before. */
export interface AuditVerification {
  intact: boolean;
  records: number;
  head_lsn: number;
  head_hash: string;
  /** The first record that is not what was written. */
  fault: string;
}

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
  /** Deployments, newest first */
  listDeployments: {
    path: Record<never, never>;
    query: { limit?: number; cursor?: string };
    body: undefined;
    reply: DeploymentPage;
  };
  /** A deployment step by step, what may be said to it, and the platform */
  getDeployment: {
    path: { id: string };
    query: Record<never, never>;
    body: undefined;
    reply: DeploymentLook;
  };
  /** Wave it on where it waits for a person, or end its soak */
  promoteDeployment: {
    path: { id: string };
    query: Record<never, never>;
    body: DeploymentAct;
    reply: DeploymentDone;
  };
  /** Approve exactly what was planned; by somebody else than who began it */
  approveDeployment: {
    path: { id: string };
    query: Record<never, never>;
    body: DeploymentAct;
    reply: DeploymentDone;
  };
  /** Begin no further step */
  pauseDeployment: {
    path: { id: string };
    query: Record<never, never>;
    body: DeploymentAct;
    reply: DeploymentDone;
  };
  /** Go on */
  resumeDeployment: {
    path: { id: string };
    query: Record<never, never>;
    body: DeploymentAct;
    reply: DeploymentDone;
  };
  /** End it: what ran before leads again */
  abortDeployment: {
    path: { id: string };
    query: Record<never, never>;
    body: DeploymentAct;
    reply: DeploymentDone;
  };
  /** Take it back: what ran before leads again */
  rollbackDeployment: {
    path: { id: string };
    query: Record<never, never>;
    body: DeploymentAct;
    reply: DeploymentDone;
  };
  /** Spaces of the configuration, each behind the one that it follows */
  listSpaces: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    reply: ConfigSpaces;
  };
  /** Where a space stands: head, conflicts, what was applied */
  getSpace: {
    path: { space: string };
    query: Record<never, never>;
    body: undefined;
    reply: ConfigSpaceDetail;
  };
  /** Documents of a space */
  listUnits: {
    path: { space: string };
    query: Record<never, never>;
    body: undefined;
    reply: ConfigUnits;
  };
  /** Revisions of a space, newest first */
  listRevisions: {
    path: { space: string };
    query: { limit?: number };
    body: undefined;
    reply: ConfigRevisions;
  };
  /** What differs between two revisions, in words and by path */
  diffRevisions: {
    path: Record<never, never>;
    query: { from?: string; to: string };
    body: undefined;
    reply: ConfigDiff;
  };
  /** What was applied against what every role runs with */
  getDrift: {
    path: Record<never, never>;
    query: { space: string };
    body: undefined;
    reply: ConfigDrift;
  };
  /** Who did what to the configuration, when and why */
  listAudit: {
    path: Record<never, never>;
    query: { space?: string; user?: string; limit?: number };
    body: undefined;
    reply: ConfigAudit;
  };
  /** Reads the whole log of the configuration and checks its chain */
  verifyAudit: {
    path: Record<never, never>;
    query: Record<never, never>;
    body: undefined;
    reply: AuditVerification;
  };
}

export const routes = {
  getHealth: { method: 'GET', path: '/health', token: false },
  getReady: { method: 'GET', path: '/ready', token: false },
  getStatus: { method: 'GET', path: '/status', token: false },
  getLivez: { method: 'GET', path: '/livez', token: false },
  getReadyz: { method: 'GET', path: '/readyz', token: false },
  getStartupz: { method: 'GET', path: '/startupz', token: false },
  getHealthLive: { method: 'GET', path: '/health/live', token: false },
  getHealthReady: { method: 'GET', path: '/health/ready', token: false },
  getHealthStartup: { method: 'GET', path: '/health/startup', token: false },
  drainProcess: { method: 'POST', path: '/-/drain', token: true },
  reloadProcess: { method: 'POST', path: '/-/reload', token: true },
  pauseProcess: { method: 'POST', path: '/-/pause', token: true },
  resumeProcess: { method: 'POST', path: '/-/resume', token: true },
  getMetrics: { method: 'GET', path: '/metrics', token: false },
  listInstruments: { method: 'GET', path: '/api/v1/instruments', token: false },
  getBook: { method: 'GET', path: '/api/v1/book/{symbol}', token: false },
  listTrades: { method: 'GET', path: '/api/v1/trades/{symbol}', token: false },
  listCandles: { method: 'GET', path: '/api/v1/candles/{symbol}', token: false },
  listOrders: { method: 'GET', path: '/api/v1/orders', token: false },
  placeOrder: { method: 'POST', path: '/api/v1/orders', token: true },
  cancelAllOrders: { method: 'DELETE', path: '/api/v1/orders', token: true },
  checkOrder: { method: 'POST', path: '/api/v1/orders:check', token: false },
  getOrder: { method: 'GET', path: '/api/v1/orders/{client_order_id}', token: false },
  replaceOrder: { method: 'PATCH', path: '/api/v1/orders/{client_order_id}', token: true },
  cancelOrder: { method: 'DELETE', path: '/api/v1/orders/{client_order_id}', token: true },
  listFills: { method: 'GET', path: '/api/v1/fills', token: false },
  listPositions: { method: 'GET', path: '/api/v1/positions', token: false },
  getAccount: { method: 'GET', path: '/api/v1/account', token: false },
  listStrategies: { method: 'GET', path: '/api/v1/strategies', token: false },
  startStrategy: { method: 'POST', path: '/api/v1/strategies/{name}:start', token: true },
  stopStrategy: { method: 'POST', path: '/api/v1/strategies/{name}:stop', token: true },
  setStrategyParams: { method: 'PUT', path: '/api/v1/strategies/{name}/params', token: true },
  getRisk: { method: 'GET', path: '/api/v1/risk', token: false },
  setRiskLimits: { method: 'PUT', path: '/api/v1/risk/limits', token: true },
  tripKillSwitch: { method: 'POST', path: '/api/v1/risk/kill', token: true },
  resumeTrading: { method: 'POST', path: '/api/v1/risk/resume', token: true },
  writeCheckpoint: { method: 'POST', path: '/api/v1/journal/checkpoint', token: true },
  getOrdersState: { method: 'GET', path: '/api/orders_state', token: false },
  listDeployments: { method: 'GET', path: '/api/v1/deployments', token: true },
  getDeployment: { method: 'GET', path: '/api/v1/deployments/{id}', token: true },
  promoteDeployment: { method: 'POST', path: '/api/v1/deployments/{id}:promote', token: true },
  approveDeployment: { method: 'POST', path: '/api/v1/deployments/{id}:approve', token: true },
  pauseDeployment: { method: 'POST', path: '/api/v1/deployments/{id}:pause', token: true },
  resumeDeployment: { method: 'POST', path: '/api/v1/deployments/{id}:resume', token: true },
  abortDeployment: { method: 'POST', path: '/api/v1/deployments/{id}:abort', token: true },
  rollbackDeployment: { method: 'POST', path: '/api/v1/deployments/{id}:rollback', token: true },
  listSpaces: { method: 'GET', path: '/api/v1/config/spaces', token: true },
  getSpace: { method: 'GET', path: '/api/v1/config/spaces/{space}', token: true },
  listUnits: { method: 'GET', path: '/api/v1/config/spaces/{space}/units', token: true },
  listRevisions: { method: 'GET', path: '/api/v1/config/spaces/{space}/revisions', token: true },
  diffRevisions: { method: 'GET', path: '/api/v1/config/diff', token: true },
  getDrift: { method: 'GET', path: '/api/v1/config/drift', token: true },
  listAudit: { method: 'GET', path: '/api/v1/config/audit', token: true },
  verifyAudit: { method: 'GET', path: '/api/v1/config/audit/verification', token: true },
} as const satisfies Record<keyof Calls, { method: string; path: string; token: boolean }>;

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
