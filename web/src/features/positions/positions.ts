import { signal } from '@preact/signals';
import type { Account, Portfolio, Position, PositionTotals } from '../../api/types';
import { EntityStore } from '../../lib/entity_store';
import { stream } from '../connection/connection';
import { recordEquity } from '../account/equity';

export const positions = new EntityStore<Position>({
  idOf: (position) => position.symbol,
  compare: (a, b) => (a.symbol < b.symbol ? -1 : 1),
});
export const totals = signal<PositionTotals | null>(null);
export const account = signal<Account | null>(null);

export function subscribePositions(): void {
  stream.subscribe('positions', { snapshot: apply, delta: apply });
}

function apply(data: Portfolio): void {
  positions.replace(data.positions);
  totals.value = data.totals;
  account.value = data.account;
  recordEquity(data.account.equity, Date.now());
}
