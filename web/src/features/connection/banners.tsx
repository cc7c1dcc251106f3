import { useSignal } from '@preact/signals';
import { acceptToken, hasToken, refusedToken, token } from '../../api/session';
import * as fmt from '../../lib/fmt';
import { nowMs } from '../../lib/now';
import { ActionButton } from '../../ui/action_button';
import { killSwitch } from '../risk/risk';
import { isKillDialogOpen } from '../risk/kill_dialog';
import { commandGate } from './gate';
import { connectionState, everConnected, stream } from './connection';

/** What stands between the person and trading, worst first, each with the way out. */
export function Banners() {
  return (
    <div class="banners">
      <div role="alert">
        <LinkBanner />
        <KillBanner />
      </div>
      <TokenBanner />
    </div>
  );
}

function LinkBanner() {
  const state = connectionState.value;
  if (state === 'live' || state === 'connecting') return null;
  const since = stream.closedSinceMs.value ?? stream.lastFrameMs;
  const age = since === null ? '' : fmt.duration(nowMs.value - since);
  return (
    <p class="banner banner-bad" data-testid="offline-banner">
      <strong>{state === 'offline' ? 'Offline' : 'No word from the engine'}</strong>
      <span>{everConnected.value ? `Values are ${age} old and trading is disabled. Reconnecting by itself; everything is read anew on return.` : `Not reached for ${age}. Start it with: stoa run engine`}</span>
      {state === 'offline' && <ActionButton tone="quiet" onPress={() => stream.retryNow()}>Try now</ActionButton>}
    </p>
  );
}

function KillBanner() {
  const state = killSwitch.value;
  if (!state?.active) return null;
  return (
    <p class="banner banner-bad" data-testid="kill-banner">
      <strong>Trading is stopped</strong>
      <span>{state.reason ?? 'No reason given'} · {state.actor ?? 'unknown'} · {state.since_ns ? fmt.timeOf(state.since_ns).slice(0, 8) : ''} UTC</span>
      <ActionButton reason={commandGate.value} onPress={() => { isKillDialogOpen.value = true; }} testId="open-resume">Resume…</ActionButton>
    </p>
  );
}

function TokenBanner() {
  const text = useSignal('');
  if (hasToken.value || !everConnected.value) return null;
  const isRefused = token.value !== null && token.value === refusedToken.value;
  return (
    <form
      class="banner banner-info" data-testid="token-banner"
      onSubmit={(event) => { event.preventDefault(); acceptToken(text.value); text.value = ''; }}
    >
      <strong>{isRefused ? 'The engine refused this token' : 'Read-only'}</strong>
      <label>
        <span>To trade, paste the token or the whole URL that the engine printed; it is also in the file <code>token</code> of its data folder.</span>
        <input type="password" value={text.value} autoComplete="off" data-testid="token-input" placeholder="token" onInput={(event) => { text.value = event.currentTarget.value; }} />
      </label>
      <ActionButton type="submit" onPress={() => {}}>Use token</ActionButton>
    </form>
  );
}
