import type { Fill } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { SideLabel, Signed, Stamp } from '../../ui/amount';
import { DataTable, type Column } from '../../ui/data_table';
import { Empty, Waiting } from '../../ui/panel';
import { priceDigits, quantityDigits } from '../market/instruments';
import { fills, shownOrderId } from './orders';

const COLUMNS: readonly Column<Fill>[] = [
  { head: 'Time', cell: (fill) => <Stamp ns={fill.ts_ns} /> },
  { head: 'Symbol', cell: (fill) => fill.symbol },
  { head: 'Side', cell: (fill) => <SideLabel side={fill.side} /> },
  { head: 'Price', align: 'right', cell: (fill) => fmt.number(fill.price, priceDigits(fill.symbol)) },
  { head: 'Quantity', align: 'right', cell: (fill) => fmt.number(fill.quantity, quantityDigits(fill.symbol)) },
  { head: 'Notional', align: 'right', cell: (fill) => fmt.notional(fill.price, fill.quantity), priority: 3 },
  { head: 'Fee', align: 'right', cell: (fill) => `${fmt.number(fill.fee, 4)} ${fill.fee_asset}`, priority: 3 },
  { head: 'Realised', meaning: 'Realised profit of this fill', align: 'right', cell: (fill) => <Signed value={fill.realized_pnl} digits={2} />, priority: 2 },
  { head: 'Liquidity', cell: (fill) => fill.liquidity, priority: 3 },
  { head: 'Source', cell: (fill) => fill.strategy ?? 'api', priority: 2 },
];

export function Fills() {
  if (!fills.loaded.value) return <Waiting what="fills" />;
  if (fills.ids.value.length === 0) return <Empty title="No fills yet" hint="A marketable order, or a resting one that gets hit, makes the first." />;
  return (
    <DataTable
      label="Fills" testId="fills" columns={COLUMNS} ids={fills.ids.value} rowOf={(id) => fills.row(id)}
      onOpen={(id) => { shownOrderId.value = fills.row(id)?.peek().client_order_id ?? null; }}
    />
  );
}
