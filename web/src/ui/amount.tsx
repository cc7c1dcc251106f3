import * as fmt from '../lib/fmt';

/** A signed amount: the sign says the direction, the colour repeats it. */
export function Signed({ value, digits }: { value: string | null | undefined; digits: number }) {
  return <span class={`amount ${fmt.direction(value, digits)}`}>{fmt.signed(value, digits)}</span>;
}

/** Buy and sell as arrow, word and colour. */
export function SideLabel({ side }: { side: 'buy' | 'sell' }) {
  return <span class={`side ${side === 'buy' ? 'up' : 'down'}`}>{side === 'buy' ? '▲ Buy' : '▼ Sell'}</span>;
}

/** A time of day with the whole stamp as title. */
export function Stamp({ ns }: { ns: string }) {
  return <time title={fmt.fullTime(ns)}>{fmt.timeOf(ns)}</time>;
}
