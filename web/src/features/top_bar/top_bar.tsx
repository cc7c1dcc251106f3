import * as fmt from '../../lib/fmt';
import { decimal } from '../../lib/decimal';
import { hashOf, route } from '../../lib/route';
import { ActionButton } from '../../ui/action_button';
import { Signed } from '../../ui/amount';
import { connectionAgeMs, connectionState, engineNowMs, stream } from '../connection/connection';
import { commandGate } from '../connection/gate';
import { feedGrade, health, logGrade, type Grade } from '../health/health';
import { isHelpOpen } from '../help/help_dialog';
import { instrument } from '../market/instruments';
import { isSearchOpen } from '../market/symbol_search';
import { account } from '../positions/positions';
import { isKillDialogOpen } from '../risk/kill_dialog';
import { killSwitch } from '../risk/risk';
import { SettingsMenu } from './settings_menu';

export function TopBar() {
  return (
    <header class="top-bar">
      <h1 class="brand">stoa</h1>
      <ModeBadge />
      <PageLinks />
      {route.value.page === 'trade' && <SymbolButton />}
      <div class="pills">
        <LinkPill />
        <Pill name="Feed" {...feedGrade.value} />
        <Pill name="Log" {...logGrade.value} />
      </div>
      <AccountFigures />
      <time class="utc" title="Engine time, UTC">{fmt.clock(engineNowMs.value)} UTC</time>
      <div class="top-actions">
        <SettingsMenu />
        <button type="button" class="button button-quiet icon" aria-label="Help and keys" title="Help and keys  ?" onClick={() => { isHelpOpen.value = true; }}>?</button>
        <KillButton />
      </div>
    </header>
  );
}

function PageLinks() {
  const isTrade = route.value.page === 'trade';
  return (
    <nav class="page-links" aria-label="Pages">
      <a href={hashOf('trade')} aria-current={isTrade ? 'page' : undefined} data-testid="to-trade">Trade</a>
      <a href={hashOf('deployments')} aria-current={isTrade ? undefined : 'page'} title="Deployments and configuration  g d" data-testid="to-deployments">Deploy</a>
    </nav>
  );
}

/** PAPER is striped and LIVE is solid: told apart without reading, and without colour. */
function ModeBadge() {
  const mode = account.value?.mode ?? health.value?.mode;
  if (mode === undefined) return null;
  const isLive = mode.toUpperCase() === 'LIVE';
  return (
    <div class={`mode ${isLive ? 'mode-live' : 'mode-paper'}`} data-testid="mode">
      <strong>{mode.toUpperCase()}</strong>
      <span>{isLive ? account.value?.account : account.value?.environment ?? health.value?.environment}</span>
    </div>
  );
}

function SymbolButton() {
  return (
    <button type="button" class="symbol-button" title="Switch symbol  /" data-testid="symbol" onClick={() => { isSearchOpen.value = true; }}>
      <strong>{instrument.value?.symbol ?? '…'}</strong>
      <span>{instrument.value?.venue} ▾</span>
    </button>
  );
}

function LinkPill() {
  const state = connectionState.value;
  const age = connectionAgeMs.value;
  const grade: Grade = state === 'live' ? 'good' : state === 'connecting' ? 'unknown' : 'bad';
  const roundTrip = stream.roundTripMs.value;
  const text = state === 'live' ? (roundTrip === null ? 'live' : `live ${fmt.duration(Math.max(1, roundTrip))}`) : `${state}${age === null ? '' : ` ${fmt.duration(age)}`}`;
  return <Pill name="Link" grade={grade} text={text} testId="link" />;
}

function Pill({ name, grade, text, testId }: { name: string; grade: Grade; text: string; testId?: string }) {
  return (
    <span class={`pill pill-${grade}`} data-testid={testId} data-grade={grade} title={`${name}: ${text}`}>
      <span class="dot" aria-hidden="true" />
      <span class="pill-name">{name}</span> <span class="pill-text">{text}</span>
    </span>
  );
}

function AccountFigures() {
  const state = account.value;
  if (state === null) return <dl class="top-figures" />;
  const before = decimal(state.equity) - decimal(state.day_pnl);
  return (
    <dl class="top-figures live-values">
      <div><dt>Equity {state.currency}</dt><dd data-testid="equity">{fmt.number(state.equity, 2)}</dd></div>
      <div>
        <dt>Day P&amp;L</dt>
        <dd><Signed value={state.day_pnl} digits={2} /> <small class={fmt.direction(state.day_pnl)}>{fmt.ratioPercent(decimal(state.day_pnl), before)}</small></dd>
      </div>
    </dl>
  );
}

function KillButton() {
  const isActive = killSwitch.value?.active === true;
  return (
    <ActionButton tone={isActive ? 'primary' : 'danger'} reason={commandGate.value} testId="kill" onPress={() => { isKillDialogOpen.value = true; }}>
      {isActive ? 'Resume…' : 'Kill switch'}
    </ActionButton>
  );
}
