// Replacing in the row itself: price and quantity become inputs, Enter applies, Esc drops.
import { signal } from '@preact/signals';
import type { Order, ReplaceOrder } from '../../api/types';
import { decimal, decimalText, isMultiple, parseDecimal } from '../../lib/decimal';
import { ActionButton } from '../../ui/action_button';
import { commandState } from '../commands/command';
import { orderGate } from '../connection/gate';
import { instrumentOf } from '../market/instruments';
import { replaceKey, replaceOrder } from './order_commands';
import { orders } from './orders';

export const editing = signal<{ id: string; price: string; quantity: string } | null>(null);

export type ReplaceVerdict = { change: ReplaceOrder; reason: null } | { change: null; reason: string };

/** What to send, only what differs, or why there is nothing to send. */
export function replaceChange(order: Order, input: { price: string; quantity: string }, steps: { tick_size: string; lot_size: string }): ReplaceVerdict {
  const price = parseDecimal(input.price);
  const quantity = parseDecimal(input.quantity);
  const refuse = (reason: string): ReplaceVerdict => ({ change: null, reason });
  if (price === null || price <= 0n || !isMultiple(price, decimal(steps.tick_size))) return refuse(`Price must be whole ticks of ${steps.tick_size}`);
  if (quantity === null || quantity <= 0n || !isMultiple(quantity, decimal(steps.lot_size))) return refuse(`Quantity must be whole lots of ${steps.lot_size}`);
  if (quantity <= decimal(order.filled_quantity)) return refuse(`${order.filled_quantity} is filled already: cancel instead`);
  const change: ReplaceOrder = {
    ...(order.price !== null && price !== decimal(order.price) ? { price: decimalText(price) } : {}),
    ...(quantity !== decimal(order.quantity) ? { quantity: decimalText(quantity) } : {}),
  };
  return Object.keys(change).length === 0 ? refuse('Nothing changed') : { change, reason: null };
}

export function ReplaceFields({ field }: { field: 'price' | 'quantity' | 'actions' }) {
  const input = editing.value;
  const order = input && orders.row(input.id)?.value;
  const instrument = order && instrumentOf(order.symbol);
  if (!input || !order || !instrument) return null;
  const close = () => { editing.value = null; };
  const { change, reason } = replaceChange(order, input, instrument);
  const apply = async () => {
    if (change === null || orderGate.peek() !== null) return;
    if (await replaceOrder(input.id, change)) close();
  };
  if (field === 'actions') {
    return (
      <span class="row-actions">
        <ActionButton tone="quiet" onPress={close}>Drop</ActionButton>
        <ActionButton tone="primary" reason={orderGate.value ?? reason} state={commandState(replaceKey(input.id)).value} testId="apply-replace" onPress={() => void apply()}>Apply</ActionButton>
      </span>
    );
  }
  return (
    <input
      class="row-input" type="text" inputMode="decimal" value={input[field]} aria-label={`New ${field} of ${input.id}`} data-testid={`replace-${field}`}
      ref={field === 'price' ? focusOnce : null}
      onClick={(event) => event.stopPropagation()}
      onInput={(event) => { editing.value = { ...input, [field]: event.currentTarget.value }; }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') void apply();
        if (event.key === 'Escape') { event.stopPropagation(); close(); }
      }}
    />
  );
}

function focusOnce(element: HTMLInputElement | null): void {
  element?.focus();
}
