import { useComputed, useSignal } from '@preact/signals';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { decimal, decimalText, fixedText } from '../../lib/decimal';
import * as fmt from '../../lib/fmt';
import { isNarrow } from '../../ui/media';
import { Panel, Waiting } from '../../ui/panel';
import { marketStaleMs } from '../health/feed_age';
import { openOrders } from '../orders/orders';
import { prefill } from '../ticket/ticket_state';
import { ladderRows, type LadderRow } from './book';
import { instrument, symbol } from './instruments';
import { GroupingPicker, groupingStep } from './grouping';
import { bestAsk, bestBid, book } from './market';

const ROW_PX = 19;
const COLLAPSED_ROWS = 4;
const ROWS_MAX = 40;

export function Ladder() {
  const isOpen = useSignal(false);
  const isCollapsed = isNarrow.value && !isOpen.value;
  const tools = (
    <>
      <GroupingPicker />
      {isNarrow.value && (
        <button type="button" class="button button-quiet" aria-expanded={isOpen.value} onClick={() => { isOpen.value = !isOpen.value; }}>
          {isOpen.value ? 'Less' : 'More'}
        </button>
      )}
    </>
  );
  return (
    <Panel name="ladder" title="Depth" staleMs={marketStaleMs.value} tools={tools}>
      {book.value === null || instrument.value === null ? <Waiting what="the book" /> : <Rows collapsed={isCollapsed} />}
    </Panel>
  );
}

function Rows({ collapsed }: { collapsed: boolean }) {
  const body = useRef<HTMLDivElement>(null);
  const perSide = useRowsThatFit(body, collapsed);
  const sides = useComputed(() => {
    const view = book.value!;
    const step = decimal(groupingStep.value);
    const own = (side: 'buy' | 'sell') => openOrders.value
      .filter((order) => order.symbol === symbol.value && order.side === side && order.price !== null)
      .map((order) => ({ price: decimal(order.price!), quantity: decimal(order.remaining_quantity) }));
    return {
      bids: ladderRows(view.bids, own('buy'), step, 'bid', ROWS_MAX),
      asks: ladderRows(view.asks, own('sell'), step, 'ask', ROWS_MAX),
    };
  });
  if (book.value === null) return null;
  const bids = sides.value.bids.slice(0, perSide);
  const asks = sides.value.asks.slice(0, perSide);
  const deepest = [bids, asks].map((rows) => rows[rows.length - 1]?.cumulative ?? 0n).reduce((a, b) => (a > b ? a : b));
  // Rows are keyed by their place, not by price: the same elements stay and only changed texts are written.
  return (
    <div class="ladder" ref={body} data-testid="ladder" onKeyDown={moveBetweenPrices}>
      <div class="ladder-head" aria-hidden="true"><span>Own</span><span>Price {instrument.value!.quote}</span><span>Size</span><span>Sum</span></div>
      <div class="ladder-side ladder-asks" role="list" aria-label="Asks">
        {Array.from({ length: perSide }, (_, at) => <Row key={at} row={asks[perSide - 1 - at]} side="sell" deepest={deepest} isTouch={at === perSide - 1} />)}
      </div>
      <Spread />
      <div class="ladder-side ladder-bids" role="list" aria-label="Bids">
        {Array.from({ length: perSide }, (_, at) => <Row key={at} row={bids[at]} side="buy" deepest={deepest} isTouch={at === 0} />)}
      </div>
    </div>
  );
}

interface RowProps {
  row: LadderRow | undefined;
  /** Whose prices these are: asks are others' sells. */
  side: 'buy' | 'sell';
  deepest: bigint;
  isTouch: boolean;
}

function Row({ row, side, deepest, isTouch }: RowProps) {
  if (!row) return <div class="ladder-row" role="listitem"><span class="visually-hidden">empty</span></div>;
  const { price_decimals, quantity_decimals } = instrument.value!;
  const depth = deepest === 0n ? 0 : Number((row.cumulative * 1000n) / deepest) / 1000;
  const price = fmt.number(row.priceText, price_decimals);
  return (
    <div class={`ladder-row ${side === 'buy' ? 'bid' : 'ask'}`} role="listitem" data-own={row.own > 0n}>
      <span class="ladder-bar" style={{ transform: `scaleX(${depth})` }} aria-hidden="true" />
      <span class="ladder-own">{row.own > 0n && <span title={`${decimalText(row.own)} of it ours`}>●{decimalText(row.own)}</span>}</span>
      <button
        type="button"
        class="ladder-price"
        tabIndex={isTouch ? 0 : -1}
        title={`Prefill the ticket with ${price}`}
        // A mouse means the price under it when it is pressed, not the one that moved there until the release. A finger
        // that is put down may only want to scroll, and a key has no press: both count as a click.
        onPointerDown={(event) => {
          pressedBy = event.pointerType;
          if (pressedBy === 'mouse' && event.button === 0) prefill(side, row.priceText);
        }}
        onKeyDown={() => { pressedBy = ''; }}
        onClick={() => {
          if (pressedBy !== 'mouse') prefill(side, row.priceText);
          pressedBy = '';
        }}
      >
        {price}
      </button>
      <span>{fixedText(row.quantity, quantity_decimals)}</span>
      <span class="ladder-sum">{fixedText(row.cumulative, quantity_decimals)}</span>
    </div>
  );
}

function Spread() {
  const [bid, ask] = [bestBid.value, bestAsk.value];
  if (!bid || !ask || !instrument.value) return <div class="ladder-spread">one side is empty</div>;
  const spread = ask.price - bid.price;
  return (
    <div class="ladder-spread">
      <span>Spread {fmt.number(decimalText(spread), instrument.value.price_decimals)}</span>
      <span>{fixedText((spread * 1_000_000_000_000n) / bid.price, 2)} bp</span>
    </div>
  );
}

function useRowsThatFit(body: preact.RefObject<HTMLDivElement | null>, collapsed: boolean): number {
  const [rows, setRows] = useState(COLLAPSED_ROWS);
  useLayoutEffect(() => {
    const measure = () => {
      const available = (body.current?.parentElement?.clientHeight ?? 0) - HEAD_AND_SPREAD_PX;
      setRows(isNarrow.peek() ? (collapsed ? COLLAPSED_ROWS : 15) : Math.max(COLLAPSED_ROWS, Math.min(ROWS_MAX, Math.floor(available / 2 / ROW_PX))));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(body.current!.parentElement!);
    return () => observer.disconnect();
  }, [collapsed]);
  return rows;
}
const HEAD_AND_SPREAD_PX = 22 + 24;

/** What kind of pointer went down last on a price; empty for a key. */
let pressedBy = '';

/** Arrows walk from price to price; Tab leaves the ladder. */
function moveBetweenPrices(event: KeyboardEvent): void {
  const offset = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (offset === undefined) return;
  const prices = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('.ladder-price')];
  const next = prices[prices.indexOf(event.target as HTMLElement) + offset];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
