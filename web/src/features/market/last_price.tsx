import { useRef } from 'preact/hooks';
import * as fmt from '../../lib/fmt';
import { useFlash } from '../../ui/flash';
import { instrument } from './instruments';
import { lastTrade } from './market';

/** The last trade of the selected symbol; the arrow is the taker's side. */
export function LastPrice() {
  const element = useRef<HTMLSpanElement>(null);
  const trade = lastTrade.value;
  const tone = trade?.side === 'buy' ? 'up' : 'down';
  useFlash(element, trade?.price, tone);
  if (!trade || !instrument.value) return null;
  return (
    <span ref={element} class={`last-price ${tone}`} data-testid="last-price">
      {fmt.number(trade.price, instrument.value.price_decimals)} <span aria-label={`last trade a ${trade.side}`}>{tone === 'up' ? '▲' : '▼'}</span>
    </span>
  );
}
