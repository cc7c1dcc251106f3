import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { decimalText, parseDecimal } from '../../lib/decimal';
import * as fmt from '../../lib/fmt';
import { ActionButton } from '../../ui/action_button';
import { Dialog } from '../../ui/dialog';
import { commandState } from '../commands/command';
import { commandGate } from '../connection/gate';
import { Diff } from '../strategies/params_dialog';
import { risk, RISK_KEY, setRiskLimits } from './risk';

/** New limits with a reason, and the difference before it is applied. */
export function LimitsDialog({ onClose }: { onClose: () => void }) {
  const limits = useMemo(() => risk.peek()?.limits ?? [], []);
  const inputs = useSignal<Record<string, string>>(Object.fromEntries(limits.map(({ name, limit }) => [name, limit])));
  const why = useSignal('');
  const typed = limits.map(({ name, limit }) => ({ name, limit, value: parseDecimal(inputs.value[name] ?? '') }));
  const changes = typed.flatMap(({ name, limit, value }) => (value === null || value === parseDecimal(limit) ? [] : [{ name, title: name, from: limit, to: decimalText(value) }]));
  const isBad = typed.some(({ value }) => value === null || value < 0n);
  const reason = commandGate.value ?? (isBad ? 'A limit is not a decimal' : changes.length === 0 ? 'Nothing changed' : why.value.trim() === '' ? 'A reason is required' : null);
  const apply = async () => {
    if (reason !== null) return;
    if (await setRiskLimits(Object.fromEntries(changes.map(({ name, to }) => [name, to])), why.value.trim())) onClose();
  };
  return (
    <Dialog title="Change risk limits" onClose={onClose} testId="limits">
      <form class="params-form" onSubmit={(event) => { event.preventDefault(); void apply(); }}>
        {limits.map(({ name, unit }) => (
          <div class="param" key={name}>
            <label for={`limit-${name}`}>{fmt.words(name)} <span class="unit">{unit}</span></label>
            <input id={`limit-${name}`} type="text" inputMode="decimal" value={inputs.value[name]} onInput={(event) => { inputs.value = { ...inputs.value, [name]: event.currentTarget.value }; }} />
          </div>
        ))}
        <label class="stacked">Reason<textarea rows={2} value={why.value} onInput={(event) => { why.value = event.currentTarget.value; }} /></label>
        <Diff changes={changes} />
        <div class="dialog-actions">
          <ActionButton onPress={onClose}>Close</ActionButton>
          <ActionButton type="submit" tone="primary" reason={reason} state={commandState(RISK_KEY).value} onPress={() => {}}>Apply</ActionButton>
        </div>
      </form>
    </Dialog>
  );
}
