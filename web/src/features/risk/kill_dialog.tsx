import { signal, useSignal } from '@preact/signals';
import * as fmt from '../../lib/fmt';
import { ActionButton } from '../../ui/action_button';
import { Dialog } from '../../ui/dialog';
import { commandState } from '../commands/command';
import { commandGate } from '../connection/gate';
import { openOrders } from '../orders/orders';
import { positions } from '../positions/positions';
import { strategies } from '../strategies/strategies';
import { killEffects } from './kill_effects';
import { killSwitch, resumeTrading, RISK_KEY, tripKillSwitch } from './risk';

export const isKillDialogOpen = signal(false);
const close = () => { isKillDialogOpen.value = false; };

/** One dialog for both directions: what it does depends on where the switch stands. */
export function KillDialog() {
  return killSwitch.value?.active ? <Resume /> : <Trip />;
}

function Trip() {
  const why = useSignal('');
  const reason = commandGate.value ?? (why.value.trim() === '' ? 'A reason is required' : null);
  return (
    <Dialog title="Kill switch: stop all trading" tone="danger" onClose={close} testId="kill-dialog">
      <ul class="effects">{killEffects(openOrders.value, strategies.all(), positions.all()).map((effect) => <li key={effect}>{effect}</li>)}</ul>
      <label class="stacked">
        Reason, kept in the log
        <textarea rows={2} value={why.value} data-testid="kill-reason" onInput={(event) => { why.value = event.currentTarget.value; }} />
      </label>
      <div class="dialog-actions">
        <ActionButton autoFocus onPress={close}>Cancel</ActionButton>
        <ActionButton
          tone="danger" reason={reason} state={commandState(RISK_KEY).value} testId="confirm-kill"
          onPress={async () => { if (await tripKillSwitch(why.value.trim())) close(); }}
        >
          Stop all trading
        </ActionButton>
      </div>
      <p class="note" aria-live="polite">{reason ?? ' '}</p>
    </Dialog>
  );
}

function Resume() {
  const why = useSignal('');
  const who = useSignal('');
  const state = killSwitch.value!;
  const reason = commandGate.value ?? (why.value.trim() === '' ? 'A reason is required' : who.value.trim() === '' ? 'Say who resumes' : null);
  return (
    <Dialog title="Resume trading" onClose={close} testId="resume-dialog">
      <dl class="facts">
        <div><dt>Tripped by</dt><dd>{state.actor ?? 'unknown'}</dd></div>
        <div><dt>Reason</dt><dd>{state.reason ?? fmt.NONE}</dd></div>
        <div><dt>Since</dt><dd>{state.since_ns ? fmt.fullTime(state.since_ns).slice(0, 19) : fmt.NONE} UTC</dd></div>
      </dl>
      <ul class="effects">
        <li>New orders are taken again, from people, programs and running strategies</li>
        <li>Orders that were canceled do not come back</li>
      </ul>
      <label class="stacked">Reason<textarea rows={2} value={why.value} data-testid="resume-reason" onInput={(event) => { why.value = event.currentTarget.value; }} /></label>
      <label class="stacked">Your name<input type="text" value={who.value} data-testid="resume-actor" onInput={(event) => { who.value = event.currentTarget.value; }} /></label>
      <div class="dialog-actions">
        <ActionButton autoFocus onPress={close}>Cancel</ActionButton>
        <ActionButton
          tone="primary" reason={reason} state={commandState(RISK_KEY).value} testId="confirm-resume"
          onPress={async () => { if (await resumeTrading(why.value.trim(), who.value.trim())) close(); }}
        >
          Resume trading
        </ActionButton>
      </div>
      <p class="note" aria-live="polite">{reason ?? ' '}</p>
    </Dialog>
  );
}
