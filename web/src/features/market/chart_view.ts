// The only file that knows the charting library. Everything it is given is already data; it turns it into pixels.
import {
  CandlestickSeries, ColorType, createChart, createSeriesMarkers, CrosshairMode, HistogramSeries, LineStyle,
  type IChartApi, type IPriceLine, type ISeriesApi, type ISeriesMarkersPluginApi, type Time, type UTCTimestamp,
} from 'lightweight-charts';
import type { Candle } from '../../api/types';
import { toPixels } from '../../lib/decimal';
import * as fmt from '../../lib/fmt';
import { cssColor } from '../../ui/preferences';
import type { ChartLine, ChartMarker } from './chart_overlays';
import type { CandleSeries } from './market';

export class ChartView {
  private readonly chart: IChartApi;
  private readonly bars: ISeriesApi<'Candlestick'>;
  private readonly volume: ISeriesApi<'Histogram'>;
  private readonly markers: ISeriesMarkersPluginApi<Time>;
  private readonly lines = new Map<string, IPriceLine>();
  private drawnGeneration: number | null = null;
  private drawnUntil = 0;
  private byTime = new Map<number, Candle>();

  constructor(container: HTMLElement, onHover: (bar: Candle | null) => void) {
    this.chart = createChart(container, {
      autoSize: true,
      // The built-in logo injects a <style> element, which the page's policy forbids; the attribution stands in the panel.
      layout: { attributionLogo: false, fontSize: 11 },
      crosshair: { mode: CrosshairMode.Normal },
      timeScale: { timeVisible: true, secondsVisible: true, rightOffset: 6, barSpacing: 7 },
      rightPriceScale: { scaleMargins: { top: 0.08, bottom: 0.06 } },
    });
    this.bars = this.chart.addSeries(CandlestickSeries, { borderVisible: false });
    this.volume = this.chart.addSeries(HistogramSeries, { priceFormat: { type: 'volume' }, priceLineVisible: false, lastValueVisible: false }, 1);
    this.chart.panes()[0]?.setStretchFactor(5);
    this.chart.panes()[1]?.setStretchFactor(1);
    this.markers = createSeriesMarkers(this.bars, []);
    this.chart.subscribeCrosshairMove(({ time }) => onHover(time === undefined ? null : this.byTime.get(time as number) ?? null));
    this.recolor();
  }

  /** Reads the palette again: after a change of theme. */
  recolor(): void {
    const [up, down, line] = [cssColor('--up'), cssColor('--down'), cssColor('--line')];
    this.chart.applyOptions({
      layout: {
        background: { type: ColorType.Solid, color: cssColor('--panel') },
        textColor: cssColor('--muted'),
        fontFamily: cssColor('--font'),
        panes: { separatorColor: line, separatorHoverColor: line },
      },
      grid: { vertLines: { color: cssColor('--grid') }, horzLines: { color: cssColor('--grid') } },
      timeScale: { borderColor: line },
      rightPriceScale: { borderColor: line },
      crosshair: {
        vertLine: { color: cssColor('--muted'), labelBackgroundColor: cssColor('--raised') },
        horzLine: { color: cssColor('--muted'), labelBackgroundColor: cssColor('--raised') },
      },
    });
    this.bars.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down });
    this.drawnGeneration = null; // Volume bars carry their colour: draw them again with the next candles.
  }

  setPriceStep(digits: number, tick: string): void {
    const formatter = (price: number) => fmt.number(price.toFixed(8), digits);
    this.bars.applyOptions({ priceFormat: { type: 'custom', formatter, minMove: toPixels(tick) } });
  }

  setCandles(series: CandleSeries | null): void {
    const bars = series?.bars ?? [];
    if (series === null || series.generation !== this.drawnGeneration) {
      this.bars.setData(bars.map(toBar));
      this.volume.setData(bars.map(toVolume));
      this.byTime = new Map(bars.map((bar) => [bar.open_s, bar]));
      this.chart.timeScale().scrollToRealTime();
    } else {
      for (const bar of bars) {
        if (bar.open_s < this.drawnUntil) continue;
        this.bars.update(toBar(bar));
        this.volume.update(toVolume(bar));
        this.byTime.set(bar.open_s, bar);
      }
    }
    this.drawnGeneration = series?.generation ?? null;
    this.drawnUntil = bars[bars.length - 1]?.open_s ?? 0;
  }

  setMarkers(markers: readonly ChartMarker[]): void {
    this.markers.setMarkers(markers.map(({ time, side, text }) => ({
      time: time as UTCTimestamp,
      position: side === 'buy' ? 'belowBar' as const : 'aboveBar' as const,
      shape: side === 'buy' ? 'arrowUp' as const : 'arrowDown' as const,
      color: cssColor(side === 'buy' ? '--up' : '--down'),
      size: 0.8,
      text,
    })));
  }

  /** Lines are moved, not recreated, so that a quoting strategy does not make them blink. */
  setLines(lines: readonly ChartLine[]): void {
    const wanted = new Set(lines.map(({ id }) => id));
    for (const [id, line] of this.lines) {
      if (wanted.has(id)) continue;
      this.bars.removePriceLine(line);
      this.lines.delete(id);
    }
    for (const { id, price, title, tone } of lines) {
      const options = {
        price, title, color: cssColor(`--${tone}`), lineWidth: 1 as const, axisLabelVisible: true,
        lineStyle: tone === 'accent' ? LineStyle.Solid : LineStyle.Dashed,
      };
      const line = this.lines.get(id);
      if (line) line.applyOptions(options);
      else this.lines.set(id, this.bars.createPriceLine(options));
    }
  }

  scrollToNow(): void {
    this.chart.timeScale().scrollToRealTime();
    this.chart.priceScale('right').applyOptions({ autoScale: true });
  }

  destroy(): void {
    this.chart.remove();
  }
}

function toBar({ open_s, open, high, low, close }: Candle) {
  return { time: open_s as UTCTimestamp, open: toPixels(open), high: toPixels(high), low: toPixels(low), close: toPixels(close) };
}

function toVolume({ open_s, open, close, volume }: Candle) {
  const color = cssColor(toPixels(close) >= toPixels(open) ? '--volume-up' : '--volume-down');
  return { time: open_s as UTCTimestamp, value: toPixels(volume), color };
}
