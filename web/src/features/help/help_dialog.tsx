import { Dialog } from '../../ui/dialog';
import { isHelpOpen, SHORTCUTS, WIDGET_KEYS } from './shortcuts';

export { isHelpOpen };

export function HelpDialog() {
  return (
    <Dialog title="Keys" onClose={() => { isHelpOpen.value = false; }} testId="help">
      <dl class="keys">
        {[...SHORTCUTS, ...WIDGET_KEYS].map(({ keys, does }) => (
          <div key={keys}><dt>{keys.split(' ').map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{does}</dd></div>
        ))}
      </dl>
      <p class="note">
        No single letter sends, changes or cancels an order. Prices and sizes are exact decimals; times are UTC, with nanoseconds in the title.
        The API is described at <a href="/openapi.json">/openapi.json</a>. Charts by <a href="https://www.tradingview.com/" target="_blank" rel="noreferrer">TradingView</a> Lightweight Charts™.
      </p>
    </Dialog>
  );
}
