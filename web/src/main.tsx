import { render } from 'preact';
import { adoptToken } from './api/session';
import { App } from './app';
import { startConnection } from './features/connection/connection';
import { listenToKeys } from './features/help/shortcuts';
import { subscribeHealth } from './features/health/health';
import { loadInstruments } from './features/market/instruments';
import { followMarket } from './features/market/market';
import { followTitle } from './features/market/page_title';
import { subscribeOrders } from './features/orders/orders';
import { subscribePositions } from './features/positions/positions';
import { subscribeRisk } from './features/risk/risk';
import { subscribeStrategies } from './features/strategies/strategies';
import { followDraft } from './features/ticket/ticket_state';
import { applyPreferences } from './ui/preferences';
import './styles/index.css';

adoptToken(location, history, sessionStorage);
applyPreferences();

subscribeHealth();
subscribeRisk();
subscribeOrders();
subscribePositions();
subscribeStrategies();
followMarket();
followTitle();
followDraft();
startConnection();
void loadInstruments();

listenToKeys();
render(<App />, document.getElementById('app')!);
