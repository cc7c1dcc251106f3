import type { Order } from '../../api/types';
import { ActionButton } from '../../ui/action_button';
import { DataTable, type Column } from '../../ui/data_table';
import { Empty, Waiting } from '../../ui/panel';
import * as columns from './columns';
import { closedOrderIds, history, loadOlderOrders, orders, shownOrderId } from './orders';

const COLUMNS: readonly Column<Order>[] = [
  columns.timeColumn, columns.symbolColumn, columns.sideColumn, columns.typeColumn, columns.priceColumn, columns.quantityColumn,
  columns.filledColumn, columns.averageColumn, columns.sourceColumn, columns.statusColumn,
];

export function OrderHistory() {
  if (!orders.loaded.value) return <Waiting what="orders" />;
  if (closedOrderIds.value.length === 0) return <Empty title="No closed orders" hint="Filled, cancelled, rejected and expired orders stay here." />;
  return (
    <DataTable
      label="Order history" testId="order-history" columns={COLUMNS} ids={closedOrderIds.value} rowOf={(id) => orders.row(id)}
      onOpen={(id) => { shownOrderId.value = id; }}
    />
  );
}

export function OlderButton() {
  const { cursor, loading, failed } = history.value;
  return (
    <ActionButton tone="quiet" reason={cursor === null ? 'This is everything' : loading ? 'Loading' : null} onPress={() => void loadOlderOrders()}>
      {failed ? 'Older orders did not come: try again' : 'Load older'}
    </ActionButton>
  );
}
