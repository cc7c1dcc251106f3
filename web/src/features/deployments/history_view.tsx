import type { DeploymentSummary } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { goTo } from '../../lib/route';
import { DataTable, type Column } from '../../ui/data_table';
import { tableHeight, useRows } from '../../ui/rows';
import { OutcomeBadge } from './deployment_view';
import { history, releaseName } from './deployments';

const COLUMNS: readonly Column<DeploymentSummary>[] = [
  { head: 'Id', align: 'right', cell: ({ id }) => id },
  { head: 'Began', cell: ({ began_ns }) => <time title={fmt.fullTime(began_ns)}>{fmt.fullTime(began_ns).slice(0, 19)}</time>, priority: 2 },
  { head: 'Release', cell: ({ release, rolls_back }) => `${releaseName(release)}${rolls_back === '0' ? '' : ` (takes ${rolls_back} back)`}` },
  { head: 'By', cell: ({ actor }) => actor || fmt.NONE, priority: 2 },
  { head: 'Outcome', cell: ({ outcome, question }) => <OutcomeBadge outcome={outcome} question={question} /> },
  { head: 'Took', align: 'right', cell: ({ began_ns, ended_ns }) => (ended_ns === null ? fmt.NONE : fmt.elapsed(began_ns, ended_ns)), priority: 3 },
  { head: 'Why', cell: ({ failure, reason }) => <span class="cut" title={failure || reason}>{failure || reason || fmt.NONE}</span>, priority: 3 },
];

export function HistoryView() {
  const list = history.state.value.value?.deployments ?? [];
  const { ids, rowOf } = useRows(list, ({ id }) => id);
  if (list.length === 0) return null;
  return (
    <section class="history" aria-label="History">
      <h3 class="sub-head">History</h3>
      <div class="history-table" style={tableHeight(ids.length)}><DataTable label="History of deployments" testId="deployments" columns={COLUMNS} ids={ids} rowOf={rowOf} onOpen={(id) => goTo('deployments', id)} /></div>
    </section>
  );
}
