import { useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import * as fmt from '../../lib/fmt';
import { Signed } from '../../ui/amount';
import { Panel, Waiting } from '../../ui/panel';
import { appearance, cssColor } from '../../ui/preferences';
import { linkStaleMs } from '../health/feed_age';
import { account } from '../positions/positions';
import { equity } from './equity';

export function EquityPanel() {
  return (
    <Panel name="account" title="Account" staleMs={linkStaleMs.value} tools={account.value && <span class="unit">{account.value.account} · {account.value.currency}</span>}>
      {account.value === null ? <Waiting what="the account" /> : <><Figures /><Sparkline /></>}
    </Panel>
  );
}

function Figures() {
  const { cash, gross_exposure, net_exposure, realized_pnl, unrealized_pnl, fees } = account.value!;
  return (
    <dl class="facts facts-grid">
      <div><dt>Cash</dt><dd>{fmt.number(cash, 2)}</dd></div>
      <div><dt>Fees</dt><dd>{fmt.number(fees, 2)}</dd></div>
      <div><dt>Realised</dt><dd><Signed value={realized_pnl} digits={2} /></dd></div>
      <div><dt>Unrealised</dt><dd><Signed value={unrealized_pnl} digits={2} /></dd></div>
      <div title="Gross exposure"><dt>Gross</dt><dd>{fmt.number(gross_exposure, 2)}</dd></div>
      <div title="Net exposure"><dt>Net</dt><dd><Signed value={net_exposure} digits={2} /></dd></div>
    </dl>
  );
}

/** Equity since the page opened. */
function Sparkline() {
  const container = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const element = container.current!;
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(element), [...equity.peek()], element);
    };
    const stop = appearance.subscribe(make);
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: element.clientHeight }));
    observer.observe(element);
    return () => { stop(); observer.disconnect(); plot.current?.destroy(); plot.current = null; };
  }, []);
  useSignalEffect(() => {
    const [times, values] = equity.value;
    plot.current?.setData([times, values]);
  });
  return <div class="sparkline" ref={container} role="img" aria-label="Equity since the page opened" />;
}

function options(element: HTMLElement): uPlot.Options {
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    legend: { show: false },
    cursor: { show: false },
    padding: [6, 0, 4, 0],
    axes: [{ show: false }, { show: false }],
    scales: { x: { time: true } },
    series: [{}, { stroke: cssColor('--accent'), width: 1.5, fill: cssColor('--accent-soft'), points: { show: false } }],
  };
}
