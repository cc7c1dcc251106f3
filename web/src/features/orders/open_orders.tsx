import { signal } from '@preact/signals';
import type { Order } from '../../api/types';
import { ActionButton } from '../../ui/action_button';
import { DataTable, type Column } from '../../ui/data_table';
import { Dialog } from '../../ui/dialog';
import { Empty, Waiting } from '../../ui/panel';
import { commandState } from '../commands/command';
import { commandGate, orderGate } from '../connection/gate';
import * as columns from './columns';
import { cancelAll, CANCEL_ALL_KEY, cancelKey, cancelOrder } from './order_commands';
import { openOrderIds, openOrders, orders, shownOrderId } from './orders';
import { editing, ReplaceFields } from './replace';

const COLUMNS: readonly Column<Order>[] = [
  columns.timeColumn,
  columns.symbolColumn,
  columns.sideColumn,
  columns.typeColumn,
  { ...columns.priceColumn, cell: (order) => (editing.value?.id === order.client_order_id ? <ReplaceFields field="price" /> : columns.priceColumn.cell(order)) },
  { ...columns.quantityColumn, cell: (order) => (editing.value?.id === order.client_order_id ? <ReplaceFields field="quantity" /> : columns.quantityColumn.cell(order)) },
  columns.filledColumn,
  columns.sourceColumn,
  { ...columns.statusColumn, priority: 2 },
  { head: 'Actions', align: 'right', cell: (order) => <Actions order={order} /> },
];

export function OpenOrders() {
  if (!orders.loaded.value) return <Waiting what="orders" />;
  if (openOrderIds.value.length === 0) return <Empty title="No open orders" hint="Limit orders that rest at the venue appear here. Place one with the ticket, or start a strategy." />;
  return (
    <DataTable
      label="Open orders" testId="open-orders" columns={COLUMNS} ids={openOrderIds.value} rowOf={(id) => orders.row(id)}
      versionOf={(order) => `${order.status} ${order.filled_quantity} ${order.price} ${order.quantity}`}
      onOpen={(id) => { shownOrderId.value = id; }}
    />
  );
}

function Actions({ order }: { order: Order }) {
  const id = order.client_order_id;
  if (editing.value?.id === id) return <ReplaceFields field="actions" />;
  const waits = order.status === 'in_doubt' ? 'In doubt: being resolved at the venue' : null;
  return (
    <span class="row-actions">
      <ActionButton
        tone="quiet" reason={orderGate.value ?? waits ?? (order.type === 'market' ? 'A market order has no price to change' : null)} label={`Replace ${id}`} testId="replace"
        onPress={() => { editing.value = { id, price: order.price ?? '', quantity: order.quantity }; }}
      >
        Replace
      </ActionButton>
      <ActionButton tone="quiet" reason={commandGate.value} state={commandState(cancelKey(id)).value} label={`Cancel ${id}`} testId="cancel" onPress={() => void cancelOrder(id)}>
        Cancel
      </ActionButton>
    </span>
  );
}

export const isCancelAllOpen = signal(false);

export function CancelAllButton() {
  const count = openOrders.value.length;
  return (
    <ActionButton
      tone="quiet" reason={commandGate.value ?? (count === 0 ? 'No open orders' : null)} state={commandState(CANCEL_ALL_KEY).value} testId="cancel-all"
      onPress={() => { isCancelAllOpen.value = true; }}
    >
      Cancel all
    </ActionButton>
  );
}

/** Names what goes before anything goes; Cancel has the focus. */
export function CancelAllDialog() {
  const close = () => { isCancelAllOpen.value = false; };
  const bySymbol = new Map<string, number>();
  for (const { symbol } of openOrders.value) bySymbol.set(symbol, (bySymbol.get(symbol) ?? 0) + 1);
  const strategies = new Set(openOrders.value.flatMap(({ strategy }) => strategy ?? []));
  return (
    <Dialog title="Cancel all open orders" tone="danger" onClose={close} testId="cancel-all-dialog">
      <ul class="effects">
        {[...bySymbol].map(([symbol, count]) => <li key={symbol}>Cancels <strong>{count}</strong> {symbol} {count === 1 ? 'order' : 'orders'}</li>)}
        {strategies.size > 0 && <li>Includes orders of {[...strategies].join(', ')}; a running strategy may quote again</li>}
        <li>Positions stay as they are</li>
      </ul>
      <div class="dialog-actions">
        <ActionButton autoFocus onPress={close}>Keep orders</ActionButton>
        <ActionButton tone="danger" reason={commandGate.value} testId="confirm-cancel-all" onPress={() => { close(); void cancelAll(); }}>
          Cancel {openOrders.value.length} {openOrders.value.length === 1 ? 'order' : 'orders'}
        </ActionButton>
      </div>
    </Dialog>
  );
}
