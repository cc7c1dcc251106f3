import { signal } from '@preact/signals';
import { isWide } from './ui/media';

export type BlotterTab = 'open' | 'fills' | 'positions' | 'history' | 'strategies' | 'health';
export type SideTab = 'strategies' | 'health';

export const blotterTab = signal<BlotterTab>('open');
export const sideTab = signal<SideTab>('strategies');

/** Strategies and health have their own panel on a wide screen and are tabs among the others below that. */
export function selectTab(name: BlotterTab): void {
  if (isWide.peek() && (name === 'strategies' || name === 'health')) sideTab.value = name;
  else blotterTab.value = name;
}
