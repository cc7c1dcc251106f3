import { computed, signal } from '@preact/signals';
import { call } from '../../api/http';
import type { Instrument } from '../../api/types';
import { Backoff } from '../../lib/backoff';

export const instruments = signal<readonly Instrument[]>([]);
/** The symbol that chart, ladder, tape and ticket are about. */
export const symbol = signal<string | null>(null);

export const instrument = computed(() => instruments.value.find((each) => each.symbol === symbol.value) ?? null);

export function instrumentOf(name: string): Instrument | undefined {
  return instruments.value.find((each) => each.symbol === name);
}

export function priceDigits(name: string): number {
  return instrumentOf(name)?.price_decimals ?? 2;
}

export function quantityDigits(name: string): number {
  return instrumentOf(name)?.quantity_decimals ?? 8;
}

/** Loads the list, asking again until it comes, and picks the symbol of the address or the first one. */
export async function loadInstruments(): Promise<void> {
  const backoff = new Backoff(500, 5_000);
  for (;;) {
    const result = await call('listInstruments', {});
    if (result.kind === 'ok') {
      instruments.value = result.value.instruments;
      break;
    }
    await new Promise((wake) => setTimeout(wake, backoff.nextMs()));
  }
  const wanted = symbol.peek() ?? symbolInAddress();
  const known = instruments.peek().find((each) => each.symbol === wanted) ?? instruments.peek()[0];
  if (known) symbol.value = known.symbol;
}

export function selectSymbol(name: string): void {
  if (!instruments.peek().some((each) => each.symbol === name)) return;
  symbol.value = name;
  history.replaceState(null, '', `${location.pathname}${location.search}#symbol=${encodeURIComponent(name)}`);
}

function symbolInAddress(): string | null {
  return new URLSearchParams(location.hash.replace(/^#/, '')).get('symbol');
}
