import { blotterTab, sideTab, type BlotterTab } from './blotter_tabs';
import { linkStaleMs } from './features/health/feed_age';
import { HealthPanel } from './features/health/health_panel';
import { Fills } from './features/orders/fills';
import { OlderButton, OrderHistory } from './features/orders/history';
import { CancelAllButton, OpenOrders } from './features/orders/open_orders';
import { openOrderIds } from './features/orders/orders';
import { positions } from './features/positions/positions';
import { PositionsTable } from './features/positions/positions_table';
import { StrategyCards } from './features/strategies/strategy_cards';
import { strategies } from './features/strategies/strategies';
import { isWide } from './ui/media';
import { Tabs, type Tab } from './ui/tabs';

const VIEWS: Record<BlotterTab, () => preact.JSX.Element> = {
  open: OpenOrders,
  fills: Fills,
  positions: PositionsTable,
  history: OrderHistory,
  strategies: StrategyCards,
  health: HealthPanel,
};

/** Orders, fills and positions; with strategies and health among them where the screen has no room beside. */
export function Blotter() {
  const own: Tab<BlotterTab>[] = [
    { name: 'open', title: 'Open orders', count: openOrderIds.value.length },
    { name: 'fills', title: 'Fills' },
    { name: 'positions', title: 'Positions', count: positions.ids.value.length },
    { name: 'history', title: 'Order history' },
  ];
  const tabs = isWide.value ? own : [...own, ...SIDE_TABS()];
  const selected = tabs.some(({ name }) => name === blotterTab.value) ? blotterTab.value : 'open';
  const View = VIEWS[selected];
  const tools = selected === 'open' ? <CancelAllButton /> : selected === 'history' ? <OlderButton /> : null;
  return (
    <section class="panel panel-blotter" id="blotter" aria-label="Orders and positions" tabIndex={-1} data-stale={linkStaleMs.value !== null}>
      <Tabs label="Orders and positions" tabs={tabs} selected={selected} onSelect={(name) => { blotterTab.value = name; }} tools={tools}><View /></Tabs>
    </section>
  );
}

/** Strategies and health beside the blotter on a wide screen. */
export function SidePanel() {
  const View = VIEWS[sideTab.value];
  return (
    <section class="panel panel-strategies" id="strategies" aria-label="Strategies and health" tabIndex={-1} data-stale={linkStaleMs.value !== null}>
      <Tabs label="Strategies and health" tabs={SIDE_TABS()} selected={sideTab.value} onSelect={(name) => { sideTab.value = name; }}><View /></Tabs>
    </section>
  );
}

const SIDE_TABS = () => [
  { name: 'strategies' as const, title: 'Strategies', count: strategies.ids.value.length },
  { name: 'health' as const, title: 'Health' },
];
