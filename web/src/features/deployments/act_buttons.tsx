import { useSignal } from '@preact/signals';
import type { Deployment, DeploymentVerb } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { ActionButton } from '../../ui/action_button';
import { Dialog } from '../../ui/dialog';
import { commandState } from '../commands/command';
import { commandGate } from '../connection/gate';
import { health } from '../health/health';
import { askOf, commandKey, effectsOf, say } from './deployments';

const VERBS: readonly DeploymentVerb[] = ['promote', 'approve', 'pause', 'resume', 'abort', 'rollback'];
const TONES: Partial<Record<DeploymentVerb, 'primary' | 'danger'>> = { promote: 'primary', abort: 'danger', rollback: 'danger' };
const REASON_BYTES_MAX = 500;

/** The six things that may be said. What may not be said now is there, and says why. */
export function ActButtons({ deployment }: { deployment: Deployment }) {
  const asked = useSignal<DeploymentVerb | null>(null);
  const state = commandState(commandKey(deployment.id)).value;
  const refused = VERBS.map((verb) => askOf(deployment, verb)).filter(({ allowed }) => !allowed);
  return (
    <section class="acts" aria-label="What can be said to it">
      <div class="act-buttons">
        {VERBS.map((verb) => {
          const { allowed, why_not } = askOf(deployment, verb);
          return (
            <ActionButton
              key={verb} tone={(allowed && TONES[verb]) || 'plain'} state={state} testId={`act-${verb}`}
              reason={commandGate.value ?? (allowed ? null : why_not)} onPress={() => { asked.value = verb; }}
            >
              {fmt.words(verb)}
            </ActionButton>
          );
        })}
      </div>
      {refused.length > 0 && (
        <details class="why-not">
          <summary>Why not {refused.map(({ ask }) => ask).join(', ')}?</summary>
          <dl class="facts-list">{refused.map(({ ask, why_not }) => <div key={ask}><dt>{fmt.words(ask)}</dt><dd>{why_not}</dd></div>)}</dl>
        </details>
      )}
      {asked.value !== null && <ActDialog deployment={deployment} verb={asked.value} onClose={() => { asked.value = null; }} />}
    </section>
  );
}

function ActDialog({ deployment, verb, onClose }: { deployment: Deployment; verb: DeploymentVerb; onClose: () => void }) {
  const why = useSignal('');
  const name = useSignal('');
  const environment = health.value?.environment ?? '';
  const asksName = environment === 'production';
  const { allowed, why_not } = askOf(deployment, verb);
  const reason = commandGate.value
    ?? (!allowed ? why_not : null)
    ?? (why.value.trim() === '' ? 'A reason is required' : null)
    ?? (new TextEncoder().encode(why.value).length > REASON_BYTES_MAX ? 'A reason has at most 500 bytes' : null)
    ?? (asksName && name.value !== environment ? `Type ${environment} to confirm` : null);
  const send = async () => {
    if (reason === null && await say(deployment, verb, why.value.trim(), asksName ? name.value : null)) onClose();
  };
  return (
    <Dialog title={`${fmt.words(verb)} deployment ${deployment.id}`} tone={TONES[verb] === 'danger' ? 'danger' : 'plain'} onClose={onClose} testId="act-dialog">
      <ul class="effects">{effectsOf(deployment, verb).map((effect) => <li key={effect}>{effect}</li>)}</ul>
      <label class="stacked">
        Reason, kept in the log
        <textarea rows={2} value={why.value} data-testid="act-reason" onInput={(event) => { why.value = event.currentTarget.value; }} />
      </label>
      {asksName && (
        <label class="stacked">
          The environment’s name: {environment}
          <input type="text" value={name.value} data-testid="act-env" onInput={(event) => { name.value = event.currentTarget.value; }} />
        </label>
      )}
      <div class="dialog-actions">
        <ActionButton autoFocus onPress={onClose}>Cancel</ActionButton>
        <ActionButton tone={TONES[verb] ?? 'plain'} reason={reason} state={commandState(commandKey(deployment.id)).value} testId="act-confirm" onPress={() => void send()}>
          {fmt.words(verb)}
        </ActionButton>
      </div>
      <p class="note" aria-live="polite">{reason ?? ' '}</p>
    </Dialog>
  );
}
