import { beforeEach, describe, expect, it } from 'vitest';
import { refusedToken, token } from '../../api/session';
import type { Status } from '../../api/types';
import { nowMs } from '../../lib/now';
import { health } from '../health/health';
import { risk } from '../risk/risk';
import { stream } from './connection';
import { commandGate, orderGate } from './gate';

const limits = { limits: [], rejects: {} };

beforeEach(() => {
  token.value = 'secret';
  refusedToken.value = null;
  stream.lastFrameMs = nowMs.value + 1;
  nowMs.value += 1;
  stream.state.value = 'open';
  stream.waiting.value = [];
  risk.value = { kill_switch: { active: false, actor: null, reason: null, since_ns: null }, ...limits };
  health.value = { log: { failed: false } } as Status;
});

describe('gates', () => {
  it('are open when everything is well', () => {
    expect([commandGate.value, orderGate.value]).toEqual([null, null]);
  });

  it('close without a token or with a refused one', () => {
    token.value = null;
    expect(commandGate.value).toBe('Read-only: no token');
    token.value = refusedToken.value = 'wrong';
    expect(commandGate.value).toBe('The engine refused this token');
  });

  it('close when the link is down or silent', () => {
    nowMs.value += 3_500;
    expect(commandGate.value).toBe('The engine has gone quiet');
    stream.state.value = 'closed';
    expect(commandGate.value).toBe('Offline: no connection to the engine');
  });

  it('let cancels through but no orders while the kill switch is active', () => {
    risk.value = { kill_switch: { active: true, actor: 'ann', reason: 'drill', since_ns: '1' }, ...limits };
    expect([commandGate.value, orderGate.value]).toEqual([null, 'Kill switch: drill']);
  });

  it('hold orders until the snapshots are back, but not for a market channel', () => {
    stream.waiting.value = ['book.BTCUSDT'];
    expect(orderGate.value).toBeNull();
    stream.waiting.value = ['orders', 'book.BTCUSDT'];
    expect(orderGate.value).toBe('Waiting for a fresh snapshot');
  });

  it('hold orders when nothing can be made durable', () => {
    health.value = { log: { failed: true } } as Status;
    expect(orderGate.value).toMatch(/log has failed/);
  });
});
