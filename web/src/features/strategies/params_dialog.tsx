import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { ActionButton } from '../../ui/action_button';
import { Dialog } from '../../ui/dialog';
import * as fmt from '../../lib/fmt';
import { commandState } from '../commands/command';
import { commandGate } from '../connection/gate';
import { changesOf, errorOf, fieldsOf, inputsOf, rangeText, type Change, type SchemaField } from './schema_form';
import { setParams, strategies, strategyKey } from './strategies';

/** The parameters as a form made from their schema; what would change is shown before it is applied. */
export function ParamsDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const strategy = strategies.row(name)?.value;
  // The form starts from what was in force when it opened; a change by someone else must not move it under the hands.
  const fields = useMemo(() => (strategy ? fieldsOf(strategy.schema, strategy.params) : []), [name]);
  const inputs = useSignal(inputsOf(fields));
  if (!strategy) return null;
  const errors = fields.map((field) => errorOf(field, inputs.value[field.name] ?? '')).filter((error) => error !== null);
  const changes = changesOf(fields, inputs.value);
  const reason = commandGate.value ?? (errors.length > 0 ? 'Some values are out of range' : changes.length === 0 ? 'Nothing changed' : null);
  const apply = async () => {
    if (reason === null && (await setParams(name, Object.fromEntries(changes.map((change) => [change.name, change.value]))))) onClose();
  };
  return (
    <Dialog title={`Parameters of ${name}`} onClose={onClose} testId="params">
      <form class="params-form" onSubmit={(event) => { event.preventDefault(); void apply(); }}>
        {fields.map((field) => (
          <Field key={field.name} field={field} input={inputs.value[field.name] ?? ''} onInput={(value) => { inputs.value = { ...inputs.value, [field.name]: value }; }} />
        ))}
        <Diff changes={changes} />
        <div class="dialog-actions">
          <ActionButton onPress={onClose}>Close</ActionButton>
          <ActionButton type="submit" tone="primary" reason={reason} state={commandState(strategyKey(name)).value} onPress={() => {}} testId="apply-params">
            Apply {changes.length || ''} {changes.length === 1 ? 'change' : 'changes'}
          </ActionButton>
        </div>
      </form>
    </Dialog>
  );
}

function Field({ field, input, onInput }: { field: SchemaField; input: string; onInput: (value: string) => void }) {
  const id = `param-${field.name}`;
  const error = errorOf(field, input);
  const choices = field.kind === 'boolean' ? ['true', 'false'] : field.choices;
  return (
    <div class="param" data-invalid={error !== null}>
      <label for={id}>{fmt.words(field.title)}</label>
      {choices.length > 0
        ? <select id={id} value={input} onChange={(event) => onInput(event.currentTarget.value)}>{choices.map((choice) => <option key={choice}>{choice}</option>)}</select>
        : <input id={id} type="text" inputMode={field.kind === 'text' ? 'text' : 'decimal'} value={input} aria-invalid={error !== null} aria-describedby={`${id}-note`} onInput={(event) => onInput(event.currentTarget.value)} />}
      <p id={`${id}-note`} class={error === null ? 'note' : 'field-error'}>{error ?? ([field.description, rangeText(field)].filter(Boolean).join(' · '))}</p>
    </div>
  );
}

export function Diff({ changes }: { changes: readonly Pick<Change, 'name' | 'title' | 'from' | 'to'>[] }) {
  if (changes.length === 0) return <p class="note">No changes yet.</p>;
  return (
    <table class="diff" aria-label="What will change" data-testid="diff">
      <tbody>
        {changes.map(({ name, title, from, to }) => (
          <tr key={name}><th scope="row">{fmt.words(title)}</th><td><del>{from}</del></td><td aria-hidden="true">→</td><td><ins>{to}</ins></td></tr>
        ))}
      </tbody>
    </table>
  );
}
