import { render } from 'preact';
import { beforeEach, expect, it } from 'vitest';
import { token } from '../../api/session';
import type { Deployment, DeploymentVerb } from '../../api/types';
import { Asked } from '../../ui/asked';
import { ActButtons } from './act_buttons';
import { DeploymentView } from './deployment_view';

const ask = (verb: DeploymentVerb, why_not: string) => ({ ask: verb, allowed: why_not === '', why_not });
const deployment: Deployment = {
  id: '7', release: '2.0.0', version: '2.0.0', strategy: 'blue-green', roles: ['risk'], actor: 'ann', reason: 'limits', rolls_back: '0',
  began_ns: '1800000000000000000', ended_ns: null, outcome: 'running', step: 'soak', question: 'only 3 requests', failure: '', digest: 'abc', paused: false, going_back: false,
  driven_by: 'hub', waits_for: '', approvals_needed: 0, approved_by: [], hold_max_ms: 2000, deadline: null, records: [], lanes: [],
  steps: [{ name: 'soak', roles: ['risk'], back: false, state: 'waiting', began_ns: '1800000000000000000', ended_ns: null, detail: 'only 3 requests' }],
  soak: {
    over: false, verdict: 'bad', findings: ['errors 3 of 40 requests (7.50 %), before 0.00 %'],
    figures: [{ name: 'errors', unit: 'ppm', now: 75_000, before: 0, allowed: 10_000, count: 3, ok: false }, { name: 'p99', unit: 'us', now: null, before: null, allowed: null, count: null, ok: true }],
  },
  asks: [ask('promote', ''), ask('approve', 'who began a deployment cannot approve it'), ask('pause', ''), ask('resume', 'it is not paused'), ask('abort', ''), ask('rollback', 'nothing is switched yet: abort ends it')],
};

let host: HTMLElement;
beforeEach(() => { host = document.createElement('div'); });

it('a button that may not be pressed says why in the hub’s words', () => {
  render(<ActButtons deployment={deployment} />, host);
  const button = host.querySelector('[data-testid="act-rollback"]')!;
  expect(button.getAttribute('aria-disabled')).toBe('true');
  // Without a connection nothing can be pressed, and that is said first.
  expect(button.getAttribute('title')).toBe('Connecting to the engine');
  expect(host.querySelector('.why-not')!.textContent).toContain('nothing is switched yet: abort ends it');
  expect(host.querySelector('.why-not')!.textContent).toContain('who began a deployment cannot approve it');
  expect(host.querySelectorAll('.act-buttons button')).toHaveLength(6);
});

it('a waiting step, the question and the figures that are bad are shown with their bounds', () => {
  render(<DeploymentView deployment={deployment} platform={{ trouble: '', roles: [] }} />, host);
  expect(host.querySelector('.outcome')!.textContent).toBe('waits for a person');
  expect(host.querySelector('[data-testid="question"]')!.textContent).toContain('only 3 requests');
  expect(host.querySelector('.steps li')!.getAttribute('data-state')).toBe('waiting');
  const rows = [...host.querySelectorAll('[data-testid="soak"] tbody tr')].map((row) => row.textContent);
  expect(rows).toEqual(['Errors, of requests7.50 % (3)0.00 %≤ 1.00 %bad', 'Latency p99–––no figure']);
});

const asked = (value: string | null, code: string | null) => {
  const problem = code === null ? null : { type: '', title: '', status: 503, code, detail: `because of ${code}`, hint: 'do this' };
  render(<Asked polled={{ value, problem, atMs: value === null ? null : Date.now() }} what="it">{(text) => <b>{text}</b>}</Asked>, host);
};

it('says why there is nothing to show, and keeps what is old', () => {
  token.value = null;
  asked(null, null);
  expect(host.textContent).toContain('no token');
  token.value = 'secret';
  asked(null, 'no_hub');
  expect(host.textContent).toContain('stoa up');
  asked(null, 'hub_away');
  expect(host.querySelector('[role="alert"]')!.textContent).toContain('because of hub_awayhub_away · do this');
  asked('old', 'hub_away');
  expect(host.querySelector('b')!.textContent).toBe('old');
  expect(host.querySelector('[data-testid="asked-problem"]')!.textContent).toContain('hub_away');
  asked('new', null);
  expect(host.textContent).toBe('new');
});
