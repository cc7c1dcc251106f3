import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Candle } from '../../api/types';
import { decimal, decimalText } from '../../lib/decimal';
import * as fmt from '../../lib/fmt';
import { Panel, Waiting } from '../../ui/panel';
import { appearance } from '../../ui/preferences';
import { marketStaleMs } from '../health/feed_age';
import { fills, openOrders } from '../orders/orders';
import { positions } from '../positions/positions';
import { fillMarkers, priceLines } from './chart_overlays';
import { ChartView } from './chart_view';
import { instrument, symbol } from './instruments';
import { LastPrice } from './last_price';
import { candles, INTERVAL_SECONDS, interval, INTERVALS } from './market';

/** The chart on the screen, for the key that recentres it. */
export const chart: { current: ChartView | null } = { current: null };

export function ChartPanel() {
  const container = useRef<HTMLDivElement>(null);
  const hovered = useSignal<Candle | null>(null);
  const shown = useComputed(() => hovered.value ?? candles.value?.bars[candles.value.bars.length - 1] ?? null);

  useEffect(() => {
    const view = new ChartView(container.current!, (bar) => { hovered.value = bar; });
    chart.current = view;
    return () => { chart.current = null; view.destroy(); };
  }, []);
  useSignalEffect(() => {
    if (instrument.value) chart.current?.setPriceStep(instrument.value.price_decimals, instrument.value.tick_size);
  });
  useSignalEffect(() => {
    if (appearance.value) chart.current?.recolor();
    chart.current?.setCandles(candles.value);
  });
  const firstBar = useComputed(() => candles.value?.bars[0]?.open_s ?? Infinity);
  useSignalEffect(() => {
    if (symbol.value === null || !appearance.value) return;
    chart.current?.setMarkers(fillMarkers(fills.all(), symbol.value, INTERVAL_SECONDS[interval.value], firstBar.value));
  });
  useSignalEffect(() => {
    if (symbol.value === null || !appearance.value) return;
    const position = positions.all().find((each) => each.symbol === symbol.value);
    chart.current?.setLines(priceLines(openOrders.value, position, symbol.value));
  });

  return (
    <Panel name="chart" title="Chart" staleMs={marketStaleMs.value} tools={<IntervalPicker />}>
      <div class="chart-legend"><LastPrice /><Legend bar={shown.value} /></div>
      <div class="chart-canvas" ref={container} role="img" aria-label={`Candles and volume of ${symbol.value ?? 'no symbol'}, ${interval.value} bars`} />
      {candles.value === null && <div class="chart-wait"><Waiting what="candles" /></div>}
      <a class="chart-credit" href="https://www.tradingview.com/" target="_blank" rel="noreferrer">Charts by TradingView</a>
    </Panel>
  );
}

function Legend({ bar }: { bar: Candle | null }) {
  if (bar === null || instrument.value === null) return null;
  const { price_decimals: digits, base } = instrument.value;
  const tone = fmt.direction(decimalText(decimal(bar.close) - decimal(bar.open)));
  const cells = [['O', bar.open], ['H', bar.high], ['L', bar.low], ['C', bar.close]] as const;
  return (
    <dl class="ohlc">
      {cells.map(([name, value]) => <div key={name}><dt>{name}</dt><dd class={tone}>{fmt.number(value, digits)}</dd></div>)}
      <div><dt>Vol</dt><dd>{fmt.exact(bar.volume)} {base}</dd></div>
    </dl>
  );
}

function IntervalPicker() {
  return (
    <div class="segments" role="group" aria-label="Candle length">
      {INTERVALS.map((each) => (
        <button key={each} type="button" aria-pressed={interval.value === each} onClick={() => { interval.value = each; }}>{each}</button>
      ))}
    </div>
  );
}
