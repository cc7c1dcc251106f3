// What the order tables show, in one place, so that Open orders and Order history agree.
import type { Order } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { SideLabel, Stamp } from '../../ui/amount';
import type { Column } from '../../ui/data_table';
import { priceDigits, quantityDigits } from '../market/instruments';

export const price = (order: Order, text: string | null) => (text === null ? 'market' : fmt.number(text, priceDigits(order.symbol)));
const quantity = (order: Order, text: string) => fmt.number(text, quantityDigits(order.symbol));

export const timeColumn: Column<Order> = { head: 'Time', cell: (order) => <Stamp ns={order.created_ns} />, priority: 2 };
export const symbolColumn: Column<Order> = { head: 'Symbol', cell: (order) => order.symbol };
export const sideColumn: Column<Order> = { head: 'Side', cell: (order) => <SideLabel side={order.side} /> };
export const typeColumn: Column<Order> = { head: 'Type', cell: (order) => `${fmt.words(order.type)} ${order.time_in_force}`, priority: 3 };
export const priceColumn: Column<Order> = { head: 'Price', align: 'right', cell: (order) => price(order, order.price) };
export const quantityColumn: Column<Order> = { head: 'Quantity', align: 'right', cell: (order) => quantity(order, order.quantity) };
export const filledColumn: Column<Order> = { head: 'Filled', align: 'right', cell: (order) => quantity(order, order.filled_quantity), priority: 2 };
export const averageColumn: Column<Order> = {
  head: 'Average', meaning: 'Average fill price', align: 'right', priority: 3,
  cell: (order) => fmt.number(order.average_price, priceDigits(order.symbol)),
};
export const sourceColumn: Column<Order> = { head: 'Source', cell: (order) => order.strategy ?? order.source, priority: 3 };
export const statusColumn: Column<Order> = { head: 'Status', cell: (order) => <OrderState order={order} /> };

export function OrderState({ order }: { order: Order }) {
  return <span class={`status status-${order.status}`} title={order.reason ?? undefined}>{fmt.words(order.status)}{order.code && `: ${fmt.words(order.code)}`}</span>;
}
