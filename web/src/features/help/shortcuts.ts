import { signal } from '@preact/signals';
import { chart } from '../market/chart_panel';
import { changeGrouping } from '../market/grouping';
import { isSearchOpen } from '../market/symbol_search';
import { isCancelAllOpen } from '../orders/open_orders';
import { openOrders } from '../orders/orders';
import { isKillDialogOpen } from '../risk/kill_dialog';
import { prefill } from '../ticket/ticket_state';
import { goTo, type Page } from '../../lib/route';
import { selectTab } from '../../blotter_tabs';
import { isTyping, KeyMatcher, type Shortcut } from './keyboard';

export const isHelpOpen = signal(false);

/** The whole table: what the keyboard does and what the help shows are the same list. */
export const SHORTCUTS: readonly Shortcut[] = [
  { keys: '?', does: 'This help', run: () => { isHelpOpen.value = true; } },
  { keys: '/', does: 'Switch symbol', run: () => { isSearchOpen.value = true; } },
  { keys: 'c', does: 'Bring the chart back to now', run: () => chart.current?.scrollToNow() },
  { keys: '[', does: 'Group the ladder finer', run: () => changeGrouping(-1) },
  { keys: ']', does: 'Group the ladder coarser', run: () => changeGrouping(1) },
  { keys: 'g t', does: 'Go to the ticket', run: () => focusIn('ticket', '[data-testid="ticket-quantity"]') },
  { keys: 'g l', does: 'Go to the depth ladder', run: () => focusIn('ladder', '.ladder-price[tabindex="0"]') },
  { keys: 'g o', does: 'Go to open orders', run: () => goToTab('open') },
  { keys: 'g f', does: 'Go to fills', run: () => goToTab('fills') },
  { keys: 'g p', does: 'Go to positions', run: () => goToTab('positions') },
  { keys: 'g h', does: 'Go to order history', run: () => goToTab('history') },
  { keys: 'g s', does: 'Go to strategies', run: () => goToTab('strategies') },
  { keys: 'g r', does: 'Go to risk', run: () => focusIn('risk', '.risk') },
  { keys: 'g d', does: 'Go to deployments', run: () => goToPage('deployments') },
  { keys: 'g c', does: 'Go to the configuration’s revisions', run: () => goToPage('revisions') },
  { keys: 'g v', does: 'Go to drift', run: () => goToPage('drift') },
  { keys: 'g a', does: 'Go to the audit', run: () => goToPage('audit') },
  { keys: 'Shift+B', does: 'Prefill the ticket to buy; nothing is sent', run: () => prefillAndFocus('buy') },
  { keys: 'Shift+S', does: 'Prefill the ticket to sell; nothing is sent', run: () => prefillAndFocus('sell') },
  { keys: 'Shift+X', does: 'Cancel all orders, asks first', run: () => { isCancelAllOpen.value = openOrders.peek().length > 0; } },
  { keys: 'Ctrl+Shift+K', does: 'Open the kill switch, asks first', run: () => { isKillDialogOpen.value = true; } },
];

/** Keys that a widget handles itself; listed so that the help is complete. */
export const WIDGET_KEYS: readonly Pick<Shortcut, 'keys' | 'does'>[] = [
  { keys: 'j k', does: 'Next and previous row of a table, also with arrows' },
  { keys: 'Enter', does: 'Open the story of the row; in the ticket: send' },
  { keys: '↑ ↓', does: 'One step in a price or quantity field, ten with Shift; walk the ladder' },
  { keys: 'Esc', does: 'Close what is open' },
];

export function listenToKeys(): void {
  const matcher = new KeyMatcher(SHORTCUTS);
  document.addEventListener('keydown', (event) => {
    // An open dialog owns the keyboard.
    if (event.defaultPrevented || isTyping(event.target) || document.querySelector('dialog[open]')) return;
    const shortcut = matcher.match(event, performance.now());
    if (!shortcut) return;
    event.preventDefault();
    shortcut.run();
  });
}

function goToTab(name: Parameters<typeof selectTab>[0]): void {
  selectTab(name);
  requestAnimationFrame(() => focusIn(name === 'strategies' ? 'strategies' : 'blotter', 'tr[tabindex="0"], .card button, [role="tab"][aria-selected="true"]'));
}

function prefillAndFocus(side: 'buy' | 'sell'): void {
  prefill(side);
  focusIn('ticket', '[data-testid="ticket-quantity"]');
}

function goToPage(page: Page): void {
  goTo(page);
  requestAnimationFrame(() => document.getElementById('operate')?.focus());
}

function focusIn(panel: string, selector: string): void {
  if (document.getElementById('blotter') === null) {
    goTo('trade');
    requestAnimationFrame(() => focusIn(panel, selector));
    return;
  }
  const element = document.getElementById(panel) ?? document.getElementById('blotter');
  (element?.querySelector<HTMLElement>(selector) ?? element)?.focus();
}
