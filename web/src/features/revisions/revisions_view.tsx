import { useEffect } from 'preact/hooks';
import type { ConfigDiff, ConfigRevision, ConfigSpace, ConfigSpaceDetail, ConfigUnit } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { Asked } from '../../ui/asked';
import { DataTable, type Column } from '../../ui/data_table';
import { Empty } from '../../ui/panel';
import { tableHeight, useRows } from '../../ui/rows';
import { chosenSpace, compare, compared, detail, diff, inOrder, revisions, space, spaces, units } from './revisions';

/** `2026-11-21 21:34:55`, of what the hub writes in RFC 3339. */
export const timeText = (time: string): string => time.slice(0, 19).replace('T', ' ');

export function RevisionsView() {
  return <Asked polled={spaces.state.value} what="spaces">{({ spaces: all }) => (all.length === 0 ? <Empty title="No space" hint={<code>stoa config space create</code>} /> : <Spaces all={inOrder(all)} />)}</Asked>;
}

function Spaces({ all }: { all: readonly ConfigSpace[] }) {
  const chosen = space.value;
  useEffect(() => {
    const stops = [detail, units, revisions, diff].map((poll) => poll.start());
    return () => stops.forEach((stop) => stop());
  }, []);
  return (
    <>
      <ol class="spaces" aria-label="Spaces, each behind the one that it follows" data-testid="spaces">
        {all.map((each) => (
          <li key={each.space}>
            <button type="button" aria-pressed={each.space === chosen} data-testid={`space-${each.space}`} onClick={() => { chosenSpace.value = each.space; }}>
              <strong>{each.space}</strong>
              <span>head <code>{each.head}</code></span>
              <span>{each.live === 0 ? 'nothing applied' : `revision ${each.live} runs`}</span>
              {each.conflicts > 0 && <span class="bad">{each.conflicts === 1 ? '1 conflict' : `${each.conflicts} conflicts`}</span>}
              {each.broken_glass > 0 && <span class="warn">applied without approval</span>}
            </button>
          </li>
        ))}
      </ol>
      <Asked polled={detail.state.value} what={`space ${chosen}`}>{(value) => <SpaceFacts value={value} />}</Asked>
      <Asked polled={revisions.state.value} what="revisions">{(value) => <Revisions list={value.revisions} />}</Asked>
      <Asked polled={diff.state.value} what="the difference">{(value) => <Diff value={value} />}</Asked>
      <Asked polled={units.state.value} what="units">{(value) => <Units list={value.units} />}</Asked>
    </>
  );
}

function SpaceFacts({ value }: { value: ConfigSpaceDetail }) {
  return (
    <section class="space" aria-label={`Space ${value.space}`} data-testid="space">
      <dl class="deployment-facts">
        <div><dt>Space</dt><dd>{value.space}{value.upstream === '' ? ', the first' : `, follows ${value.upstream} up to ${value.merged_revision}`}</dd></div>
        <div><dt>Environment</dt><dd>{value.environment}</dd></div>
        <div><dt>Head</dt><dd><code>{value.head.head}</code> by {value.head.user}</dd></div>
        <div><dt>Runs</dt><dd>{value.live ? <code>{value.live.name}</code> : 'nothing of it was applied yet'}</dd></div>
        <div><dt>Approvals</dt><dd>{value.approvals_required === 0 ? 'none are asked for' : `${value.head.approved_by.length} of ${value.approvals_required}${value.head.approved_by.length > 0 ? `: ${value.head.approved_by.join(', ')}` : ''}`}</dd></div>
        <div><dt>Its own</dt><dd>{value.protected.join(', ') || 'no path is protected'}</dd></div>
      </dl>
      {value.conflicts.length > 0 && (
        <div class="word word-bad" data-testid="conflicts">
          <strong>Conflicts block approval and apply.</strong> Decide each: <code>stoa config promote {value.upstream} {value.space} --resolve PATH=ours|theirs</code>
          <table class="diff">
            <thead><tr><th scope="col">Path</th><th scope="col">Was</th><th scope="col">Here</th><th scope="col">Upstream</th></tr></thead>
            <tbody>{value.conflicts.map(({ path, base, ours, theirs }) => <tr key={path}><th scope="row">{path}</th><td>{base ?? fmt.NONE}</td><td>{ours ?? fmt.NONE}</td><td>{theirs ?? fmt.NONE}</td></tr>)}</tbody>
          </table>
        </div>
      )}
      {value.broken_glass.map((glass) => (
        <p key={glass.lsn} class="word word-warn"><strong>Break-glass:</strong> <code>{glass.head}</code> was applied without approval by {glass.user} at {timeText(glass.time)}: {glass.reason}</p>
      ))}
    </section>
  );
}

const COLUMNS: readonly Column<ConfigRevision>[] = [
  { head: 'Revision', align: 'right', cell: ({ revision }) => revision },
  { head: 'Digest', meaning: 'SHA-256 of the whole space', cell: ({ hash }) => <code title={hash}>{hash.slice(0, 8)}</code> },
  { head: 'When', cell: ({ time }) => <time title={time}>{timeText(time)}</time>, priority: 2 },
  { head: 'Who', cell: ({ user }) => user },
  { head: 'What', cell: ({ verb }) => verb, priority: 3 },
  { head: 'Approved by', cell: ({ approved_by }) => approved_by.join(', ') || fmt.NONE, priority: 3 },
  { head: 'State', cell: ({ live, tags }) => [live ? 'runs' : '', ...tags].filter(Boolean).join(', ') || fmt.NONE, priority: 3 },
  { head: 'Why', cell: ({ reason }) => <span class="cut" title={reason}>{reason || fmt.NONE}</span> },
];

function Revisions({ list }: { list: readonly ConfigRevision[] }) {
  const { ids, rowOf } = useRows(list, ({ revision }) => String(revision));
  return (
    <section class="history" aria-label="Revisions">
      <h3 class="sub-head">Revisions; Enter compares one with the revision before it</h3>
      <div class="history-table" style={tableHeight(ids.length)}>
        <DataTable
          label="Revisions" testId="revisions" columns={COLUMNS} ids={ids} rowOf={rowOf}
          onOpen={(id) => compare(Math.max(1, Number(id) - 1), Number(id))}
        />
      </div>
    </section>
  );
}

function Diff({ value }: { value: ConfigDiff }) {
  const list = revisions.state.value.value?.revisions ?? [];
  const { from, to } = compared.value;
  const choose = (label: string, chosen: number | null, otherwise: string, take: (next: number | null) => void, testId: string) => (
    <label class="choose">
      {label}
      <select value={chosen === null ? '' : String(chosen)} data-testid={testId} onChange={(event) => take(event.currentTarget.value === '' ? null : Number(event.currentTarget.value))}>
        <option value="">{otherwise}</option>
        {list.map(({ revision, head }) => <option key={revision} value={String(revision)}>{head}</option>)}
      </select>
    </label>
  );
  return (
    <section class="diff-view" aria-label="Difference" data-testid="diff">
      <h3 class="sub-head">{value.from} against {value.to}</h3>
      <div class="diff-choice">
        {choose('From', from, 'what runs', (next) => compare(next, to), 'diff-from')}
        {choose('To', to, 'the head', (next) => compare(from, next), 'diff-to')}
      </div>
      <ul class="effects" data-testid="diff-words">{value.words.map((words) => <li key={words}>{words}</li>)}</ul>
      {value.paths.length > 0 && (
        <table class="diff" tabIndex={0}>
          <thead><tr><th scope="col">Unit</th><th scope="col">Path</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
          <tbody>
            {value.paths.map((each) => (
              <tr key={each.path}><td>{each.unit}</td><th scope="row">{each.path}</th><td>{each.from === null ? 'not set' : <del>{each.from}</del>}</td><td>{each.to === null ? 'not set' : <ins>{each.to}</ins>}</td></tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Units({ list }: { list: readonly ConfigUnit[] }) {
  if (list.length === 0) return <Empty title="No unit" hint={<code>stoa config set SPACE UNIT PATH=VALUE --reason …</code>} />;
  return (
    <section class="units" aria-label="Units" tabIndex={0}>
      <h3 class="sub-head">Units</h3>
      <table class="check-table" data-testid="units">
        <thead><tr><th scope="col">Unit</th><th scope="col">Keys</th><th scope="col">Came with</th><th scope="col">Digest</th><th scope="col">Labels</th></tr></thead>
        <tbody>
          {list.map(({ unit, keys, revision, hash, labels, doc }) => (
            <tr key={unit}>
              <th scope="row" title={doc}>{unit}</th><td>{keys}</td><td>{revision}</td><td><code title={hash}>{hash.slice(0, 8)}</code></td>
              <td>{Object.entries(labels).map(([name, label]) => `${name}=${label}`).join(' ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
