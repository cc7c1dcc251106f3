// An order's life as the log tells it, turned into steps that a person reads from top to bottom.
import type { OrderStory, RiskCheck, StoryStep } from '../../api/types';
import * as fmt from '../../lib/fmt';

export interface Step {
  key: string;
  title: string;
  tone: 'plain' | 'good' | 'bad' | 'fill';
  tsNs: string;
  lsn: string;
  /** Since the step before; null for the first. */
  sincePrevious: string | null;
  checks: readonly RiskCheck[];
  /** What a person asks first. */
  facts: readonly Fact[];
  /** Every other field that the log has, for the second question. */
  rest: readonly Fact[];
}

export type Fact = readonly [name: string, value: string];

/** Fields worth a line, as they are called in the log. Zero and none say nothing and are left to the rest. */
const TELLING = new Set(['px', 'price', 'qty', 'quantity', 'order_qty', 'last_px', 'last_qty', 'cum_qty', 'leaves_qty', 'avg_px', 'fee', 'liquidity', 'order_id', 'code', 'reason', 'resend', 'realized_pnl']);
const SAYS_NOTHING = new Set(['0', 'None', 'none', 'false']);

export function steps({ story }: Pick<OrderStory, 'story'>): Step[] {
  return story.map((entry, at) => ({
    key: `${entry.lsn} ${at}`,
    title: fmt.words(entry.event),
    tone: toneOf(entry),
    tsNs: entry.ts_ns,
    lsn: entry.lsn,
    sincePrevious: at === 0 ? null : gap(story[at - 1]!.ts_ns, entry.ts_ns),
    checks: checksOf(entry),
    ...split(factsOf(entry.detail)),
  }));
}

/** Inside the core time is a message: what follows from one input has its stamp, and no time lies between. */
function gap(fromNs: string, toNs: string): string {
  return fromNs === toNs ? 'same instant' : `+${fmt.elapsed(fromNs, toNs)}`;
}

function split(all: readonly Fact[]): { facts: Fact[]; rest: Fact[] } {
  const isTelling = ([name, value]: Fact) => TELLING.has(name) && !SAYS_NOTHING.has(value);
  return { facts: all.filter(isTelling), rest: all.filter((fact) => !isTelling(fact)) };
}

/** From the first word to the last. */
export function wholeTime({ story }: Pick<OrderStory, 'story'>): string | null {
  const [first, last] = [story[0], story[story.length - 1]];
  return first && last && first !== last ? fmt.elapsed(first.ts_ns, last.ts_ns) : null;
}

function toneOf({ event, detail }: StoryStep): Step['tone'] {
  if (/fill|trade/i.test(event)) return 'fill';
  if (/reject|refus|doubt|fail/i.test(event) || detail['accepted'] === false) return 'bad';
  if (/ack|accept|new$/i.test(event) || detail['accepted'] === true) return 'good';
  return 'plain';
}

function checksOf({ detail }: StoryStep): RiskCheck[] {
  return Array.isArray(detail['checks']) ? (detail['checks'] as RiskCheck[]) : [];
}

/** Every field of the event but its checks, nested ones by path: nothing that the log says is hidden. */
function factsOf(detail: Record<string, unknown>, prefix = ''): Fact[] {
  return Object.entries(detail).flatMap(([name, value]): Fact[] => {
    if ((name === 'checks' && Array.isArray(value)) || value === null || value === '') return [];
    if (typeof value === 'object' && !Array.isArray(value)) return factsOf(value as Record<string, unknown>, `${prefix}${name}.`);
    return [[prefix + name, Array.isArray(value) ? value.join(', ') : String(value)]];
  });
}
