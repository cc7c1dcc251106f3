import { describe, expect, it } from 'vitest';
import type { StoryStep } from '../../api/types';
import { steps, wholeTime } from './story';

const entry = (ts_ns: string, event: string, detail: Record<string, unknown> = {}): StoryStep => ({ lsn: ts_ns, ts_ns, time: '', event, detail });
const story = [
  entry('1000', 'intent', { price: '100', strategy: null }),
  entry('13400', 'risk_decision', { accepted: true, checks: [{ check: 'PriceBand', ok: true, limit: '5', value: '1', headroom: '4' }] }),
  entry('3013400', 'fill', { liquidity: { kind: 'maker' }, tags: ['a', 'b'] }),
];

describe('steps', () => {
  it('carry the time since the step before', () => {
    expect(steps({ story }).map(({ sincePrevious }) => sincePrevious)).toEqual([null, '+12.4 µs', '+3.00 ms']);
    expect(wholeTime({ story })).toBe('3.01 ms');
  });

  it('take the checks out of the facts and keep the rest', () => {
    const [intent, risk, fill] = steps({ story });
    expect(intent!.facts).toEqual([['price', '100']]);
    expect(risk!.checks).toHaveLength(1);
    expect(risk!.rest).toEqual([['accepted', 'true']]);
    expect(fill!.rest).toEqual([['liquidity.kind', 'maker'], ['tags', 'a, b']]);
  });

  it('put zero and none behind what tells something', () => {
    const [step] = steps({ story: [entry('1', 'acknowledgement', { order_id: '77', code: 'None', last_qty: '0', account: 1 })] });
    expect(step!.facts).toEqual([['order_id', '77']]);
    expect(step!.rest.map(([name]) => name)).toEqual(['code', 'last_qty', 'account']);
  });

  it('of one input carry one instant', () => {
    expect(steps({ story: [entry('1', 'intent'), entry('1', 'send')] })[1]!.sincePrevious).toBe('same instant');
  });

  it('have a tone for what went well and what did not', () => {
    expect(steps({ story }).map(({ tone }) => tone)).toEqual(['plain', 'good', 'fill']);
    expect(steps({ story: [entry('1', 'order_rejected'), entry('2', 'risk', { accepted: false })] }).map(({ tone }) => tone)).toEqual(['bad', 'bad']);
  });

  it('are none for an empty story', () => {
    expect(steps({ story: [] })).toEqual([]);
    expect(wholeTime({ story: [] })).toBeNull();
  });
});
