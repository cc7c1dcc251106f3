import type { Order, Position, Strategy } from '../../api/types';
import { decimal } from '../../lib/decimal';
import * as fmt from '../../lib/fmt';

/** What tripping the kill switch does right now, in words that can be checked afterwards. */
export function killEffects(open: readonly Order[], strategies: readonly Strategy[], positions: readonly Position[]): string[] {
  const running = strategies.filter(({ state }) => state === 'running').map(({ name }) => name);
  const held = positions.filter(({ quantity }) => decimal(quantity) !== 0n);
  return [
    open.length === 0 ? 'Cancels nothing: no order is open' : `Cancels ${open.length} open ${open.length === 1 ? 'order' : 'orders'} (${perSymbol(open)})`,
    'Refuses every new order, from people, programs and strategies',
    running.length === 0 ? 'No strategy is running' : `Strategies can place nothing: ${running.join(', ')}`,
    held.length === 0 ? 'No position is open' : `Keeps positions as they are: ${held.map(({ symbol, quantity }) => `${symbol} ${decimal(quantity) > 0n ? '+' : ''}${fmt.exact(quantity)}`).join(', ')}`,
    'Stays until someone resumes, also over a restart',
  ];
}

function perSymbol(open: readonly Order[]): string {
  const counts = new Map<string, number>();
  for (const { symbol } of open) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
  return [...counts].map(([symbol, count]) => `${symbol} ${count}`).join(', ');
}
