import type { Position } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { Signed } from '../../ui/amount';
import { DataTable, type Column } from '../../ui/data_table';
import { Empty, Waiting } from '../../ui/panel';
import { priceDigits, quantityDigits, selectSymbol } from '../market/instruments';
import { account, positions, totals } from './positions';

const COLUMNS: readonly Column<Position>[] = [
  { head: 'Symbol', cell: (position) => position.symbol },
  { head: 'Quantity', align: 'right', cell: (position) => <Signed value={position.quantity} digits={quantityDigits(position.symbol)} /> },
  { head: 'Average', align: 'right', cell: (position) => fmt.number(position.average_price, priceDigits(position.symbol)), priority: 2 },
  { head: 'Mark', align: 'right', cell: (position) => fmt.number(position.mark_price, priceDigits(position.symbol)), priority: 2 },
  { head: 'Notional', align: 'right', cell: (position) => fmt.number(position.notional, 2), priority: 2 },
  { head: 'Unrealised', meaning: 'Against the mark price', align: 'right', cell: (position) => <Signed value={position.unrealized_pnl} digits={2} /> },
  { head: 'Realised', align: 'right', cell: (position) => <Signed value={position.realized_pnl} digits={2} /> },
  { head: 'Fees', align: 'right', cell: (position) => fmt.number(position.fees, 2), priority: 3 },
  { head: 'Bought', align: 'right', cell: (position) => fmt.number(position.bought_quantity, quantityDigits(position.symbol)), priority: 3 },
  { head: 'Sold', align: 'right', cell: (position) => fmt.number(position.sold_quantity, quantityDigits(position.symbol)), priority: 3 },
];

export function PositionsTable() {
  if (!positions.loaded.value) return <Waiting what="positions" />;
  if (positions.ids.value.length === 0) return <Empty title="No positions" hint="The first fill opens one." />;
  return (
    <DataTable
      label="Positions" testId="positions" columns={COLUMNS} ids={positions.ids.value} rowOf={(id) => positions.row(id)}
      versionOf={(position) => position.quantity} onOpen={selectSymbol} foot={<Totals />}
    />
  );
}

function Totals() {
  const all = totals.value;
  if (!all) return null;
  return (
    <tr>
      <th scope="row">Total {account.value?.currency}</th>
      <td /><td class="priority-2" /><td class="priority-2" />
      <td class="align-right priority-2">{fmt.number(all.notional, 2)}</td>
      <td class="align-right"><Signed value={all.unrealized_pnl} digits={2} /></td>
      <td class="align-right"><Signed value={all.realized_pnl} digits={2} /></td>
      <td class="align-right priority-3">{fmt.number(all.fees, 2)}</td>
      <td class="priority-3" /><td class="priority-3" />
    </tr>
  );
}
