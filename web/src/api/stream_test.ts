import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Stream, type Socket } from './stream';

class FakeSocket implements Socket {
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event?: { code: number; reason: string }) => void) | null = null;
  send(text: string) { this.sent.push(text); }
  close() { this.onclose?.(); }
  push(frame: object) { this.onmessage?.({ data: JSON.stringify(frame) }); }
  ops() { return this.sent.map((text) => JSON.parse(text)).filter(({ op }) => op !== 'ping'); }
}

let sockets: FakeSocket[];
let stream: Stream;
const seen: string[] = [];
const socket = () => sockets[sockets.length - 1]!;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  seen.length = 0;
  stream = new Stream({
    connect: () => { sockets.push(new FakeSocket()); return socket(); },
    schedule: (task) => task(),
    random: () => 1,
  });
  stream.subscribe('orders', {
    snapshot: ({ orders }) => seen.push(`snapshot ${orders.length}`),
    delta: ({ orders }) => seen.push(`delta ${orders.length}`),
  });
  stream.start();
  socket().onopen?.();
});
afterEach(() => vi.useRealTimers());

const snapshot = (seq: number) => ({ channel: 'orders', type: 'snapshot', seq, data: { orders: [] } });
const delta = (prev_seq: number) => ({ channel: 'orders', type: 'delta', prev_seq, seq: prev_seq + 1, data: { orders: [] } });

describe('Stream', () => {
  it('subscribes once open and waits until the snapshot', () => {
    expect(socket().ops()).toEqual([{ op: 'subscribe', channels: ['orders'] }]);
    expect(stream.waiting.value).toEqual(['orders']);
    socket().push(snapshot(7));
    expect(stream.waiting.value).toEqual([]);
    expect(stream.seqOf('orders')).toBe(7);
  });

  it('ignores deltas before the snapshot and repeated ones after it', () => {
    socket().push(delta(3));
    socket().push(snapshot(7));
    socket().push(delta(6));
    socket().push(delta(7));
    expect(seen).toEqual(['snapshot 0', 'delta 0']);
    expect(stream.gaps.value).toBe(0);
  });

  it('asks for a new snapshot at a gap and applies nothing until it comes', () => {
    socket().push(snapshot(7));
    socket().push(delta(9));
    socket().push(delta(10));
    expect(stream.gaps.value).toBe(1);
    expect(socket().ops().slice(-2)).toEqual([
      { op: 'unsubscribe', channels: ['orders'] },
      { op: 'subscribe', channels: ['orders'] },
    ]);
    expect(seen).toEqual(['snapshot 0']);
    socket().push(snapshot(11));
    socket().push(delta(11));
    expect(seen).toEqual(['snapshot 0', 'snapshot 0', 'delta 0']);
  });

  it('treats a delta that cannot be read as a gap', () => {
    stream.subscribe('orders', { snapshot: () => seen.push('snapshot'), delta: () => { throw new Error('not a decimal'); } });
    socket().push(snapshot(7));
    expect(() => socket().push(delta(7))).toThrow();
    socket().push(delta(8));
    expect(stream.gaps.value).toBe(1);
  });

  it('takes an unasked snapshot as the new truth', () => {
    socket().push(snapshot(7));
    socket().push(snapshot(90));
    socket().push(delta(90));
    expect(stream.seqOf('orders')).toBe(91);
    expect(stream.gaps.value).toBe(0);
  });

  it('reconnects with growing waits and subscribes to everything again', () => {
    socket().push(snapshot(7));
    socket().close();
    expect(stream.state.value).toBe('closed');
    expect(stream.waiting.value).toEqual(['orders']);
    vi.advanceTimersByTime(249);
    expect(sockets).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(sockets).toHaveLength(2);
    socket().close();
    vi.advanceTimersByTime(499);
    expect(sockets).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(sockets).toHaveLength(3);
    socket().onopen?.();
    expect(socket().ops()).toEqual([{ op: 'subscribe', channels: ['orders'] }]);
    expect(stream.closedSinceMs.value).toBeNull();
  });

  it('comes back at once and says where it was when the gateway moves', () => {
    socket().push(snapshot(7));
    const states: string[] = [];
    stream.state.subscribe((state) => states.push(state));
    socket().onclose?.({ code: 1012, reason: '41.1700' });
    expect(sockets).toHaveLength(2); // no timer has run
    expect(stream.state.value).toBe('moving');
    expect(stream.waiting.value).toEqual(['orders']);
    socket().onopen?.();
    expect(socket().ops()).toEqual([{ op: 'subscribe', channels: ['orders'], resume: '41.1700' }]);
    socket().push({ ...snapshot(3), resumed: true });
    socket().push(delta(3));
    expect(stream.gaps.value).toBe(0);
    expect(stream.closedSinceMs.value).toBeNull();
    expect(states).toEqual(['open', 'moving', 'open']);
    socket().push({ ...snapshot(9), resumed: false });
    expect(stream.gaps.value).toBe(1);
  });

  it('is offline and waits when the gateway it was sent to is not there', () => {
    socket().onclose?.({ code: 1012, reason: '41.1700' });
    socket().onclose?.({ code: 1006, reason: '' });
    expect(stream.state.value).toBe('closed');
    vi.advanceTimersByTime(250);
    expect(sockets).toHaveLength(3);
    socket().onopen?.();
    expect(socket().ops()).toEqual([{ op: 'subscribe', channels: ['orders'] }]);
  });

  it('closes a socket that fell silent', () => {
    vi.advanceTimersByTime(8_000);
    expect(stream.state.value).toBe('open');
    vi.advanceTimersByTime(2_000);
    expect(stream.state.value).toBe('closed');
  });

  it('measures round trip and the offset of the clocks', () => {
    vi.setSystemTime(10_000);
    vi.advanceTimersByTime(2_000);
    vi.setSystemTime(12_040);
    socket().push({ op: 'pong', now_ns: '13020000000' });
    expect(stream.roundTripMs.value).toBe(40);
    expect(stream.clockOffsetMs.value).toBe(1_000);
  });

  it('leaves a channel and ignores its late frames', () => {
    const leave = stream.subscribe('fills', { snapshot: () => seen.push('fills'), delta: () => {} });
    leave();
    socket().push({ channel: 'fills', type: 'snapshot', seq: 1, data: { fills: [] } });
    expect(seen).toEqual([]);
  });
});
