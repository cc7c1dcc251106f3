import * as fmt from '../../lib/fmt';
import { Empty, Panel, Waiting } from '../../ui/panel';
import { marketStaleMs } from '../health/feed_age';
import { instrument } from './instruments';
import { tape } from './market';

const SHOWN = 60;

export function Tape() {
  return (
    <Panel name="tape" title="Trades" staleMs={marketStaleMs.value}>
      <TapeRows />
    </Panel>
  );
}

function TapeRows() {
  if (tape.value === null || instrument.value === null) return <Waiting what="trades" />;
  if (tape.value.length === 0) return <Empty title="No trades yet" hint="They appear as the market trades." />;
  const { price_decimals, quantity_decimals, quote, base } = instrument.value;
  return (
    <div class="tape" tabIndex={0} role="region" aria-label="Market trades, newest first">
      <div class="tape-head" aria-hidden="true"><span>Time</span><span>Price {quote}</span><span>Size {base}</span></div>
      {tape.value.slice(0, SHOWN).map((trade) => (
        <div key={trade.trade_id} class="tape-row">
          <time title={fmt.fullTime(trade.ts_ns)}>{fmt.timeOf(trade.ts_ns).slice(0, 8)}</time>
          <span class={trade.side === 'buy' ? 'up' : 'down'}>{trade.side === 'buy' ? '▲' : '▼'} {fmt.number(trade.price, price_decimals)}</span>
          <span>{fmt.number(trade.quantity, quantity_decimals)}</span>
        </div>
      ))}
    </div>
  );
}
