import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Result } from '../../api/http';
import { askUntilKnown, commandState, run, type Command, type Resolution } from './command';
import { notices } from './notices';

let keys = 0;
const command = (send: () => Promise<Result<string>>, resolve: () => Promise<Resolution<string>> = vi.fn()): Command<string> => ({
  key: `test ${(keys += 1)}`,
  send,
  resolve,
  done: (value) => `did ${value}`,
  subject: 'Order w-1',
});

beforeEach(() => { notices.value = []; });

describe('run', () => {
  it('goes from pending to acknowledged and says so', async () => {
    const placed = command(async () => ({ kind: 'ok', value: 'it' }));
    const promise = run(placed);
    expect(commandState(placed.key).value.phase).toBe('pending');
    expect(await promise).toBe('it');
    expect(commandState(placed.key).value.phase).toBe('acknowledged');
    expect(notices.value[0]!.text).toBe('did it');
  });

  it('does not send twice while the first is under way', async () => {
    const send = vi.fn(async () => ({ kind: 'ok', value: 'it' }) as const);
    const placed = command(send);
    await Promise.all([run(placed), run(placed)]);
    expect(send).toHaveBeenCalledTimes(1);
  });

  it('checks after a lost reply and never sends again', async () => {
    const send = vi.fn(async () => ({ kind: 'unknown', detail: 'no answer in 8 s' }) as const);
    const placed = command(send, async () => ({ kind: 'happened', value: 'it' }));
    expect(await run(placed)).toBe('it');
    expect(send).toHaveBeenCalledTimes(1);
    expect(notices.value.map(({ kind }) => kind)).toEqual(['unknown', 'done']);
  });

  it('stays unresolved when nobody can tell', async () => {
    const placed = command(async () => ({ kind: 'unknown', detail: 'gone' }), async () => ({ kind: 'unresolved' }));
    expect(await run(placed)).toBeNull();
    expect(commandState(placed.key).value.phase).toBe('unresolved');
  });

  it('carries the refusal with its code', async () => {
    const refusal = { type: '', title: '', status: 422, code: 'PriceBand', detail: '5 % > 2 %' };
    const placed = command(async () => ({ kind: 'refused', problem: refusal }));
    expect(await run(placed)).toBeNull();
    expect(commandState(placed.key).value).toEqual({ phase: 'refused', problem: refusal });
    expect(notices.value[0]!.text).toBe('Order w-1: PriceBand: 5 % > 2 %');
  });
});

describe('askUntilKnown', () => {
  it('stops at the first answer', async () => {
    const answers: Resolution<number>[] = [{ kind: 'unresolved' }, { kind: 'happened', value: 1 }, { kind: 'unresolved' }];
    const probe = vi.fn(async () => answers.shift()!);
    expect(await askUntilKnown(probe, { pause: async () => {} })).toEqual({ kind: 'happened', value: 1 });
    expect(probe).toHaveBeenCalledTimes(2);
  });

  it('gives up after its attempts', async () => {
    const probe = vi.fn(async () => ({ kind: 'unresolved' }) as const);
    expect(await askUntilKnown(probe, { attempts: 3, pause: async () => {} })).toEqual({ kind: 'unresolved' });
    expect(probe).toHaveBeenCalledTimes(3);
  });
});
