import { expect, it } from 'vitest';
import type { Deployment } from '../../api/types';
import { askOf, countdown, differenceOf, effectsOf, figureText, releaseName, tookText } from './deployments';

const deployment = {
  id: '7', release: '2.0.0', version: '2.0.0', strategy: 'blue-green', roles: ['execution', 'risk'], actor: 'ann', reason: 'limits', rolls_back: '0',
  began_ns: '1000000000', ended_ns: null, outcome: 'running', step: 'soak', question: '', failure: '', digest: 'abcdef0123456789', paused: false, going_back: false,
  driven_by: 'hub', waits_for: '', approvals_needed: 0, approved_by: [], hold_max_ms: 2000, steps: [], deadline: null, soak: null, records: [],
  lanes: [
    { role: 'execution', from_colour: 'blue', from_release: '1.0.0', from_epoch: '1', to_colour: 'green', to_release: '2.0.0', switches: [{ back: false, hold_ms: 2.1, whole_ms: 9 }] },
    { role: 'risk', from_colour: 'blue', from_release: '1.0.0', from_epoch: '1', to_colour: 'green', to_release: '2.0.0', switches: [] },
  ],
  asks: [{ ask: 'promote', allowed: true, why_not: '' }],
} satisfies Deployment;

it('counts down in whole seconds and ends at none', () => {
  expect(countdown('10000000000', 0)).toBe('10 s');
  expect(countdown('10000000000', 9_001)).toBe('1 s');
  expect(countdown('10000000000', 10_000)).toBeNull();
  expect(countdown('300000000000', 0)).toBe('5 min 00 s');
});

it('figures carry their unit and none is not zero', () => {
  expect(figureText('ppm', 75_000)).toBe('7.50 %');
  expect(figureText('us', 12_400)).toBe('12 ms');
  expect(figureText('count', 1_204)).toBe('1,204');
  expect(figureText('count', null)).toBe('–');
});

it('a first difference is told as its two sides', () => {
  expect(differenceOf('record 40, output 12: recorded OrderUpdate 1 a, derived OrderUpdate 1 b')).toEqual({ where: 'record 40, output 12', recorded: 'OrderUpdate 1 a', derived: 'OrderUpdate 1 b' });
  expect(differenceOf('the state is another one')).toBeNull();
});

it('says what a press does from where the deployment stands', () => {
  expect(effectsOf(deployment, 'promote')[0]).toContain('Ends the soak now');
  expect(effectsOf({ ...deployment, step: 'warm' }, 'promote')[0]).toContain('Ends the rollback window');
  expect(effectsOf({ ...deployment, question: 'only 3 requests' }, 'promote')).toEqual(['Goes on although: only 3 requests']);
  expect(effectsOf(deployment, 'abort')[0]).toBe('1.0.0 leads execution again');
  expect(effectsOf({ ...deployment, outcome: 'committed' }, 'rollback')[0]).toBe('A new deployment puts 1.0.0 back');
  expect(effectsOf({ ...deployment, lanes: deployment.lanes.slice(1) }, 'abort')[0]).toContain('Nothing was switched');
});

it('takes what may be said from the hub, and nothing that it does not name', () => {
  expect(askOf(deployment, 'promote').allowed).toBe(true);
  expect(askOf(deployment, 'abort').allowed).toBe(false);
});

it('names a step’s time and an unnamed release', () => {
  const step = { name: 'soak', roles: [], back: false, state: 'running' as const, began_ns: '1000000000', ended_ns: null, detail: '' };
  expect(tookText(step, 4_000)).toBe('3.0 s');
  expect(tookText({ ...step, ended_ns: '1002500000' }, 9_000)).toBe('2.50 ms');
  expect(tookText({ ...step, began_ns: null }, 9_000)).toBe('');
  expect(releaseName('')).toBe('the platform’s own program');
});
