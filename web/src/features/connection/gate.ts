// Why an action is impossible right now. Each button asks, shows the reason, and stays visible: what the engine would
// refuse is disabled with the words it would use, what it would allow is never hidden.
import { computed } from '@preact/signals';
import { refusedToken, hasToken, token } from '../../api/session';
import { health } from '../health/health';
import { killSwitch } from '../risk/risk';
import { connectionState, stream } from './connection';

/** Null when commands can be sent. */
export const commandGate = computed<string | null>(() => {
  switch (connectionState.value) {
    case 'connecting': return 'Connecting to the engine';
    case 'offline': return 'Offline: no connection to the engine';
    case 'stale': return 'The engine has gone quiet';
    case 'live': break;
  }
  if (!hasToken.value) return token.value === refusedToken.value && token.value !== null ? 'The engine refused this token' : 'Read-only: no token';
  return null;
});

/** Null when new orders can be sent: stricter than commandGate, because cancels must work when trading does not. */
export const orderGate = computed<string | null>(() => {
  if (commandGate.value !== null) return commandGate.value;
  // Market channels have a dot and come and go with the symbol; orders, positions, risk and health must be true.
  if (stream.waiting.value.some((name) => !name.includes('.'))) return 'Waiting for a fresh snapshot';
  if (killSwitch.value?.active) return `Kill switch: ${killSwitch.value.reason ?? 'no reason given'}`;
  if (health.value?.log.failed) return 'The log has failed: nothing can be made durable';
  return null;
});
