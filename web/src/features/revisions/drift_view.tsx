import { useEffect } from 'preact/hooks';
import type { ConfigDrift } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { Asked } from '../../ui/asked';
import { drift } from './drift';
import { chosenSpace, inOrder, space, spaces } from './revisions';

/** What was applied against what every process says that it runs with. */
export function DriftView() {
  const all = inOrder(spaces.state.value.value?.spaces ?? []);
  useEffect(() => spaces.start(), []);
  useEffect(() => { drift.reset(); }, [space.value]);
  return (
    <>
      {all.length > 0 && (
        <label class="choose">
          Space
          <select value={space.value ?? ''} data-testid="drift-space" onChange={(event) => { chosenSpace.value = event.currentTarget.value; }}>
            {all.map((each) => <option key={each.space} value={each.space}>{each.space}{each.live > 0 ? ', runs' : ''}</option>)}
          </select>
        </label>
      )}
      <Asked polled={drift.state.value} what="drift">{(value) => <Drift value={value} />}</Asked>
    </>
  );
}

function Drift({ value }: { value: ConfigDrift }) {
  const { space: name, wanted, trouble, findings, instances, in_sync } = value;
  return (
    <section class="drift" aria-label={`Drift of ${name}`} data-testid="drift" data-in-sync={in_sync}>
      {wanted === ''
        ? <p class="word"><strong>Nothing of {name} was applied yet.</strong> <code>stoa config apply {name} --reason …</code></p>
        : in_sync
          ? <p class="word word-good"><strong>{wanted}:</strong> everything runs with it</p>
          : <p class="word word-warn"><strong>{wanted}:</strong> not everything runs with it; <code>stoa config apply {name}</code> mends it</p>}
      {trouble !== '' && <p class="asked-problem">{trouble}</p>}
      {findings.length > 0 && <ul class="findings" data-testid="drift-findings">{findings.map(({ where, what }) => <li key={where + what}><strong>{where}</strong> {what}</li>)}</ul>}
      {instances.length > 0 && (
        <div class="wide" tabIndex={0}>
          <table class="check-table" data-testid="drift-instances">
            <thead><tr><th scope="col">Process</th><th scope="col">Wanted</th><th scope="col">Runs with</th><th scope="col">Revision</th><th scope="col">Verdict</th></tr></thead>
            <tbody>
              {instances.map((each) => (
                <tr key={each.role} class={each.in_sync ? '' : 'failed'}>
                  <th scope="row">{each.instance || each.role}</th>
                  <td><code title={each.wanted_digest}>{each.wanted_digest.slice(0, 8)}</code></td>
                  <td><code title={each.runs_digest}>{each.runs_digest.slice(0, 8) || fmt.NONE}</code></td>
                  <td>{each.runs_revision || fmt.NONE}</td>
                  <td title={each.drift}>{each.in_sync ? 'in sync' : 'drifts'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
