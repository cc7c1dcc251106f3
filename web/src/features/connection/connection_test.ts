import { describe, expect, it } from 'vitest';
import { nowMs } from '../../lib/now';
import { connectionState, stream } from './connection';

describe('connectionState', () => {
  it('is live while the gateway moves, stale when that takes long and offline when it fails', () => {
    stream.lastFrameMs = nowMs.value;
    stream.state.value = 'open';
    expect(connectionState.value).toBe('live');
    stream.state.value = 'moving';
    expect(connectionState.value).toBe('live');
    nowMs.value += 3_001;
    expect(connectionState.value).toBe('stale');
    stream.state.value = 'closed';
    expect(connectionState.value).toBe('offline');
  });
});
