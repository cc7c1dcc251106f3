// The one WebSocket of the page. It keeps the sequence of every channel, asks for a new snapshot when one is
// missing, and reconnects by itself. Views never see frames: they read the stores that the handlers fill.
import { signal } from '@preact/signals';
import { Backoff } from '../lib/backoff';
import { FrameBatch } from '../lib/frame_batch';
import { msOf } from '../lib/fmt';
import type { Channels, ClientFrame, DeltaFrame, ServerFrame, SnapshotFrame } from './types';

/** `moving`: another process of the gateway goes on, and is being connected to at once. */
export type SocketState = 'connecting' | 'open' | 'closed' | 'moving';

export interface Handlers<Snapshot, Delta> {
  snapshot: (data: Snapshot) => void;
  delta: (data: Delta) => void;
}

/** `book.{symbol}` as the type of every name that it stands for. */
type Filled<Pattern extends string> = Pattern extends `${infer Head}{${string}}${infer Tail}` ? `${Head}${string}${Filled<Tail>}` : Pattern;
type PatternOf<Name extends string> = { [P in keyof Channels]: Name extends Filled<P> ? P : never }[keyof Channels];

/** The part of WebSocket that is used, so that a test can be the server. */
export interface Socket {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: string }) => void) | null;
  onclose: ((event?: { code: number; reason: string }) => void) | null;
}

export interface StreamOptions {
  connect: () => Socket;
  now?: () => number;
  random?: () => number;
  schedule?: (task: () => void) => void;
}

interface Channel {
  handlers: Handlers<unknown, unknown>;
  /** Null while waiting for a snapshot: deltas mean nothing before it. */
  seq: number | null;
}

const PING_EVERY_MS = 2_000;
const SILENCE_MAX_MS = 8_000;
/** Service restart (RFC 6455's registry): come back at once; the reason says up to where everything was told. */
const MOVED = 1012;

export class Stream {
  readonly state = signal<SocketState>('connecting');
  /** Local time of the last frame, any channel. No signal: hundreds of frames a second must not repaint an age. */
  lastFrameMs: number | null = null;
  readonly roundTripMs = signal<number | null>(null);
  /** Add to local time to get the engine's. */
  readonly clockOffsetMs = signal(0);
  readonly gaps = signal(0);
  readonly reconnects = signal(0);
  /** Channels that wait for a snapshot. None means that what is shown is what the engine has. */
  readonly waiting = signal<readonly string[]>([]);
  readonly closedSinceMs = signal<number | null>(null);

  private readonly channels = new Map<string, Channel>();
  private readonly backoff: Backoff;
  private readonly frames: FrameBatch<SnapshotFrame | DeltaFrame>;
  private readonly now: () => number;
  private socket: Socket | null = null;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private pingSentMs: number | null = null;
  private resume: string | null = null;

  constructor(private readonly options: StreamOptions) {
    this.now = options.now ?? Date.now;
    this.backoff = new Backoff(250, 5_000, options.random);
    this.frames = new FrameBatch((frame) => this.apply(frame), options.schedule);
  }

  start(): void {
    this.open();
    setInterval(() => this.keepAlive(), PING_EVERY_MS);
  }

  /** Connects at once instead of waiting for the back-off: the network is back or the tab is seen again. */
  retryNow(): void {
    if (this.state.peek() !== 'closed') return;
    clearTimeout(this.retryTimer);
    this.open();
  }

  subscribe<Name extends string>(
    name: Name,
    handlers: Handlers<Channels[PatternOf<Name>]['snapshot'], Channels[PatternOf<Name>]['delta']>,
  ): () => void {
    this.channels.set(name, { handlers: handlers as Handlers<unknown, unknown>, seq: null });
    this.listWaiting();
    this.send({ op: 'subscribe', channels: [name] });
    return () => {
      this.channels.delete(name);
      this.listWaiting();
      this.send({ op: 'unsubscribe', channels: [name] });
    };
  }

  seqOf(name: string): number | null {
    return this.channels.get(name)?.seq ?? null;
  }

  private open(state: SocketState = 'connecting'): void {
    this.state.value = state;
    const socket = this.options.connect();
    this.socket = socket;
    socket.onopen = () => this.opened();
    socket.onmessage = ({ data }) => this.received(data);
    socket.onclose = (event) => this.closed(socket, event);
  }

  private opened(): void {
    this.backoff.reset();
    this.lastFrameMs = this.now();
    this.state.value = 'open';
    this.closedSinceMs.value = null;
    this.pingSentMs = null;
    const resume = this.resume;
    this.resume = null;
    if (this.channels.size > 0) this.send({ op: 'subscribe', channels: [...this.channels.keys()], ...(resume ? { resume } : {}) });
    this.keepAlive();
  }

  private closed(socket: Socket, event?: { code: number; reason: string }): void {
    if (socket !== this.socket) return;
    const moved = event?.code === MOVED && this.state.peek() === 'open';
    this.socket = null;
    this.frames.clear();
    for (const channel of this.channels.values()) channel.seq = null;
    this.listWaiting();
    if (moved) {
      this.resume = event.reason;
      this.open('moving'); // Not offline: nothing is wrong until this fails.
      return;
    }
    this.resume = null;
    this.state.value = 'closed';
    this.closedSinceMs.value ??= this.now();
    this.roundTripMs.value = null;
    this.reconnects.value += 1;
    this.retryTimer = setTimeout(() => this.open(), this.backoff.nextMs());
  }

  private received(text: string): void {
    this.lastFrameMs = this.now();
    const frame = JSON.parse(text) as ServerFrame;
    if ('channel' in frame) {
      this.frames.add(frame);
    } else if (frame.op === 'pong') {
      this.ponged(frame.now_ns);
    } else {
      console.warn(`stream: ${frame.code}: ${frame.detail}`);
    }
  }

  private apply(frame: SnapshotFrame | DeltaFrame): void {
    const channel = this.channels.get(frame.channel);
    if (!channel) return; // A last frame of a channel that was just left.
    // The sequence moves only after the data was taken in: a frame that cannot be read becomes a gap, and so a snapshot.
    if (frame.type === 'snapshot') {
      channel.handlers.snapshot(frame.data);
      channel.seq = frame.seq;
      if (frame.resumed === false) this.gaps.value += 1;
      this.listWaiting();
    } else if (channel.seq === null || frame.seq <= channel.seq) {
      return; // Before the snapshot, or inside it.
    } else if (frame.prev_seq !== channel.seq) {
      this.resnapshot(frame.channel, channel);
    } else {
      channel.handlers.delta(frame.data);
      channel.seq = frame.seq;
    }
  }

  private resnapshot(name: string, channel: Channel): void {
    this.gaps.value += 1;
    channel.seq = null;
    this.listWaiting();
    this.send({ op: 'unsubscribe', channels: [name] });
    this.send({ op: 'subscribe', channels: [name] });
  }

  private ponged(serverNs: string): void {
    if (this.pingSentMs === null) return;
    const now = this.now();
    this.roundTripMs.value = now - this.pingSentMs;
    this.clockOffsetMs.value = msOf(serverNs) - (now + this.pingSentMs) / 2;
    this.pingSentMs = null;
  }

  private keepAlive(): void {
    if (this.state.peek() !== 'open') return;
    // A peer that vanished without a word leaves the socket open for minutes; silence is the only sign of it.
    if (this.now() - (this.lastFrameMs ?? 0) > SILENCE_MAX_MS) {
      const socket = this.socket;
      socket?.close();
      if (socket) this.closed(socket);
      return;
    }
    this.pingSentMs = this.now();
    this.send({ op: 'ping' });
  }

  private send(frame: ClientFrame): void {
    if (this.state.peek() === 'open') this.socket?.send(JSON.stringify(frame));
  }

  private listWaiting(): void {
    this.waiting.value = [...this.channels].filter(([, { seq }]) => seq === null).map(([name]) => name);
  }
}
