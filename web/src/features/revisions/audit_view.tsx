import { useEffect } from 'preact/hooks';
import type { AuditRecord } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { ActionButton } from '../../ui/action_button';
import { Asked } from '../../ui/asked';
import { DataTable, type Column } from '../../ui/data_table';
import { Empty } from '../../ui/panel';
import { useRows } from '../../ui/rows';
import { aboutText, audit, filter, matching, verification, type AuditFilter } from './audit';
import { timeText } from './revisions_view';

const COLUMNS: readonly Column<AuditRecord>[] = [
  { head: 'Record', align: 'right', cell: ({ lsn }) => lsn },
  { head: 'When', cell: ({ time }) => <time title={time}>{timeText(time)}</time>, priority: 2 },
  { head: 'Who', cell: ({ user, uid }) => <span title={`uid ${uid}`}>{user}</span> },
  { head: 'Space', cell: ({ space }) => space || fmt.NONE, priority: 2 },
  { head: 'What', cell: ({ verb }) => verb.replace(/_/g, ' ') },
  { head: 'About', cell: (record) => <span class="cut" title={aboutText(record)}>{aboutText(record)}</span>, priority: 3 },
  { head: 'Why', cell: ({ reason }) => <span class="cut" title={reason}>{reason || fmt.NONE}</span> },
];

const FIELDS: readonly [keyof AuditFilter, string][] = [['space', 'Space'], ['user', 'Who'], ['text', 'Words']];

/** Who did what to the configuration, and whether the log that says so is whole. */
export function AuditView() {
  useEffect(() => verification.start(), []);
  return (
    <>
      <Asked polled={verification.state.value} what="the chain">
        {({ intact, records, head_lsn, head_hash, fault }) => (
          <p class={`word ${intact ? 'word-good' : 'word-bad'}`} role="status" data-testid="audit-verification">
            <strong>{intact ? 'The log is whole.' : 'The log is NOT whole.'}</strong>{' '}
            {intact ? `${fmt.count(records)} records, each behind the one before; head ` : fault}
            {intact && <code title={head_hash}>{head_lsn}:{head_hash.slice(0, 12)}</code>}
            <ActionButton tone="quiet" onPress={() => void verification.refresh()}>Verify again</ActionButton>
          </p>
        )}
      </Asked>
      <div class="audit-filter" role="search" aria-label="Filter of the audit">
        {FIELDS.map(([name, label]) => (
          <label key={name} class="choose">
            {label}
            <input
              type="text" value={filter.value[name]} data-testid={`audit-${name}`}
              onInput={(event) => { filter.value = { ...filter.value, [name]: event.currentTarget.value }; if (name !== 'text') void audit.refresh(); }}
            />
          </label>
        ))}
      </div>
      <Asked polled={audit.state.value} what="the audit">{({ records }) => <Records all={records} />}</Asked>
    </>
  );
}

function Records({ all }: { all: readonly AuditRecord[] }) {
  const found = matching(all, filter.value);
  const { ids, rowOf } = useRows(found, ({ lsn }) => String(lsn));
  if (found.length === 0) return <Empty title="No record" hint="Nothing of the newest 200 fits the filter." />;
  return <div class="history-table history-tall"><DataTable label="Audit" testId="audit" columns={COLUMNS} ids={ids} rowOf={rowOf} /></div>;
}
