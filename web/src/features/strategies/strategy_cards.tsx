import { useSignal } from '@preact/signals';
import type { Strategy } from '../../api/types';
import { decimal, decimalText } from '../../lib/decimal';
import * as fmt from '../../lib/fmt';
import { ActionButton } from '../../ui/action_button';
import { Signed } from '../../ui/amount';
import { Empty, Waiting } from '../../ui/panel';
import { commandState } from '../commands/command';
import { engineNowMs } from '../connection/connection';
import { commandGate, orderGate } from '../connection/gate';
import { quantityDigits } from '../market/instruments';
import { ParamsDialog } from './params_dialog';
import { startStrategy, stopStrategy, strategies, strategyKey } from './strategies';

export function StrategyCards() {
  if (!strategies.loaded.value) return <Waiting what="strategies" />;
  if (strategies.ids.value.length === 0) return <Empty title="No strategies" hint={<>Add one to the environment file, then restart the engine.</>} />;
  return <div class="cards">{strategies.ids.value.map((name) => <StrategyCard key={name} name={name} />)}</div>;
}

function StrategyCard({ name }: { name: string }) {
  const isEditing = useSignal(false);
  const strategy = strategies.row(name)?.value;
  if (!strategy) return null;
  const isRunning = strategy.state === 'running';
  const state = commandState(strategyKey(name)).value;
  return (
    <article class="card" data-state={strategy.state} data-testid={`strategy-${name}`} aria-label={`Strategy ${name}`}>
      <header>
        <h3>{name}</h3>
        <span class={`state state-${strategy.state}`}>{strategy.state}{isRunning && strategy.running_since_ns && ` ${fmt.duration(engineNowMs.value - fmt.msOf(strategy.running_since_ns))}`}</span>
      </header>
      <p class="card-kind">{fmt.words(strategy.type)} · {strategy.symbol}</p>
      <Figures strategy={strategy} />
      <p class="card-decision" title={strategy.last_decision}>{strategy.last_decision || 'No decision yet'}</p>
      {strategy.error !== null && <p class="field-error">{strategy.error}</p>}
      <footer>
        {isRunning
          ? <ActionButton reason={commandGate.value} state={state} testId="stop" label={`Stop ${name}`} onPress={() => void stopStrategy(name)}>■ Stop</ActionButton>
          : <ActionButton tone="primary" reason={orderGate.value} state={state} testId="start" label={`Start ${name}`} onPress={() => void startStrategy(name)}>▶ Start</ActionButton>}
        <ActionButton tone="quiet" label={`Parameters of ${name}`} testId="edit-params" onPress={() => { isEditing.value = true; }}>Parameters</ActionButton>
      </footer>
      {isEditing.value && <ParamsDialog name={name} onClose={() => { isEditing.value = false; }} />}
    </article>
  );
}

function Figures({ strategy }: { strategy: Strategy }) {
  const net = decimalText(decimal(strategy.realized_pnl) + decimal(strategy.unrealized_pnl) - decimal(strategy.fees));
  const title = `After fees: realised ${fmt.signed(strategy.realized_pnl, 2)}, unrealised ${fmt.signed(strategy.unrealized_pnl, 2)}, fees ${fmt.number(strategy.fees, 2)}`;
  return (
    <dl class="figures">
      <div title={title}><dt>Net P&amp;L</dt><dd><Signed value={net} digits={2} /></dd></div>
      <div><dt>Position</dt><dd><Signed value={strategy.position} digits={quantityDigits(strategy.symbol)} /></dd></div>
      <div title={`${fmt.count(strategy.orders)} orders, ${fmt.count(strategy.fills)} fills, ${fmt.count(strategy.rejects)} rejects`}>
        <dt>Ord · fills · rej</dt>
        <dd>{fmt.count(strategy.orders)} · {fmt.count(strategy.fills)} · <span class={strategy.rejects > 0 ? 'warn' : ''}>{fmt.count(strategy.rejects)}</span></dd>
      </div>
    </dl>
  );
}
