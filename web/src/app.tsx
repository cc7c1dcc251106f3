import { Blotter, SidePanel } from './blotter';
import { EquityPanel } from './features/account/equity_panel';
import { NoticeList } from './features/commands/notice_list';
import { Banners } from './features/connection/banners';
import { connectionState, everConnected } from './features/connection/connection';
import { HelpDialog, isHelpOpen } from './features/help/help_dialog';
import { ChartPanel } from './features/market/chart_panel';
import { Ladder } from './features/market/ladder';
import { isSearchOpen, SymbolSearch } from './features/market/symbol_search';
import { DeploymentsPage } from './features/deployments/deployments_page';
import { Tape } from './features/market/tape';
import { CancelAllDialog, isCancelAllOpen } from './features/orders/open_orders';
import { shownOrderId } from './features/orders/orders';
import { StoryDrawer } from './features/orders/story_drawer';
import { isKillDialogOpen, KillDialog } from './features/risk/kill_dialog';
import { RiskPanel } from './features/risk/risk_panel';
import { Ticket } from './features/ticket/ticket';
import { TopBar } from './features/top_bar/top_bar';
import { route } from './lib/route';
import { isWide } from './ui/media';

/** Two pages: everything of one instrument and one account on one screen, and what runs there. */
export function App() {
  const isDown = everConnected.value && connectionState.value !== 'live';
  const isTrade = route.value.page === 'trade';
  return (
    <div class="page" data-down={isDown}>
      <button type="button" class="skip-link" onClick={() => document.getElementById(isTrade ? 'ticket' : 'operate')?.focus()}>{isTrade ? 'Skip to the order ticket' : 'Skip to the page'}</button>
      <TopBar />
      <Banners />
      {isTrade ? <TradePage /> : <DeploymentsPage />}
      <NoticeList />
      <Dialogs />
    </div>
  );
}

function TradePage() {
  return (
    <>
      <main class="grid">
        <ChartPanel />
        <Ladder />
        <Tape />
        <Blotter />
        {isWide.value && <SidePanel />}
        <div class="right-column">
          <Ticket />
          <EquityPanel />
          <RiskPanel />
        </div>
      </main>
      <MobileNav />
    </>
  );
}

function Dialogs() {
  return (
    <>
      {isSearchOpen.value && <SymbolSearch />}
      {isHelpOpen.value && <HelpDialog />}
      {isKillDialogOpen.value && <KillDialog />}
      {isCancelAllOpen.value && <CancelAllDialog />}
      {shownOrderId.value !== null && <StoryDrawer key={shownOrderId.value} id={shownOrderId.value} />}
    </>
  );
}

/** Jumps between the sections of the single column; hidden where everything is in view. */
function MobileNav() {
  const sections = [['chart', 'Chart'], ['ticket', 'Ticket'], ['ladder', 'Depth'], ['blotter', 'Orders'], ['risk', 'Risk']] as const;
  const jump = (id: string) => document.getElementById(id)?.scrollIntoView({ block: 'start' });
  return (
    <nav class="mobile-nav" aria-label="Sections">
      {sections.map(([id, title]) => <button key={id} type="button" onClick={() => jump(id)}>{title}</button>)}
    </nav>
  );
}
