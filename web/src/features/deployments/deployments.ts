// What the hub tells of deployments, and what a person may say to one.
import { computed } from '@preact/signals';
import { call, type Result } from '../../api/http';
import type { Deployment, DeploymentAsk, DeploymentDone, DeploymentLook, DeploymentPage, DeploymentStep, DeploymentVerb, SoakFigure } from '../../api/types';
import * as fmt from '../../lib/fmt';
import { nowMs } from '../../lib/now';
import { Poll } from '../../lib/poll';
import { route } from '../../lib/route';
import { askUntilKnown, run } from '../commands/command';

const RUNNING_EVERY_MS = 500;
const RESTING_EVERY_MS = 2_000;

/** The deployment that is shown: the one of the address, else the newest. */
export const shown = new Poll<DeploymentLook>(
  () => call('getDeployment', { path: { id: route.peek().id ?? 'newest' } }),
  ({ value }) => (value?.deployment?.outcome === 'running' ? RUNNING_EVERY_MS : RESTING_EVERY_MS),
);
export const history = new Poll<DeploymentPage>(() => call('listDeployments', { query: { limit: 50 } }), () => RESTING_EVERY_MS);

// The list is asked less often: what changes above is not to stand below as it was.
const standing = computed(() => {
  const deployment = shown.state.value.value?.deployment;
  return deployment ? `${deployment.id} ${deployment.outcome} ${deployment.question}` : '';
});
standing.subscribe(() => { void history.refreshSoon(); });

/** The hub's time, going on between its answers. */
export const hubNowMs = computed(() => {
  const { value, atMs } = shown.state.value;
  return value === null || atMs === null ? nowMs.value : fmt.msOf(value.now_ns) + Math.max(0, nowMs.value - atMs);
});

export function releaseName(release: string): string {
  return release === '' ? 'the platform’s own program' : release;
}

/** Seconds that are left, as people count down; null when it is over. */
export function countdown(untilNs: string, now: number): string | null {
  const left = fmt.msOf(untilNs) - now;
  if (left <= 0) return null;
  const seconds = Math.ceil(left / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

export function tookText(step: DeploymentStep, now: number): string {
  if (step.began_ns === null) return '';
  if (step.ended_ns !== null) return fmt.elapsed(step.began_ns, step.ended_ns);
  return fmt.duration(Math.max(0, now - fmt.msOf(step.began_ns)));
}

/** `7.50 %`, `12.40 ms`, `1,204`. */
export function figureText(unit: SoakFigure['unit'], value: number | null): string {
  if (value === null) return fmt.NONE;
  if (unit === 'ppm') return `${(value / 10_000).toFixed(2)} %`;
  if (unit === 'us') return fmt.duration(value / 1000);
  return fmt.count(value);
}

/** The two sides of a first difference, from the words of the role that found it. */
export interface Difference {
  where: string;
  recorded: string;
  derived: string;
}
export function differenceOf(text: string): Difference | null {
  const found = /^(.*?): recorded (.*), derived (.*)$/s.exec(text);
  return found ? { where: found[1]!, recorded: found[2]!, derived: found[3]! } : null;
}

export function askOf(deployment: Deployment, verb: DeploymentVerb): DeploymentAsk {
  return deployment.asks.find(({ ask }) => ask === verb) ?? { ask: verb, allowed: false, why_not: 'the hub does not know it' };
}

/** What a press would do, in sentences, from what is known now. */
export function effectsOf(deployment: Deployment, verb: DeploymentVerb): string[] {
  const switched = deployment.lanes.filter(({ switches }) => switches.length > 0).map(({ role }) => role);
  const before = releaseName(deployment.lanes[0]?.from_release ?? '');
  switch (verb) {
    case 'promote':
      if (deployment.question !== '') return [`Goes on although: ${deployment.question}`];
      if (deployment.step === 'warm') return ['Ends the rollback window now: the build before is stopped'];
      return ['Ends the soak now, whatever its verdict would have been', 'The build before stays warm beside it for a while'];
    case 'approve': return [`Approves digest ${deployment.digest.slice(0, 12) || fmt.NONE} for ${deployment.roles.join(', ')}`];
    case 'pause': return ['The step under way is ended, no further one is begun', 'Who leads goes on leading'];
    case 'resume': return ['The next step is begun'];
    case 'abort':
    case 'rollback':
      if (deployment.outcome !== 'running') return [`A new deployment puts ${before} back`, `Switches ${deployment.roles.join(', ')}`, 'Orders that rest stay'];
      return switched.length === 0
        ? ['Nothing was switched: the new processes are stopped']
        : [`${before} leads ${switched.join(', ')} again`, 'The new processes are stopped', 'Orders that rest stay'];
  }
}

const OPERATIONS = {
  promote: 'promoteDeployment', approve: 'approveDeployment', pause: 'pauseDeployment',
  resume: 'resumeDeployment', abort: 'abortDeployment', rollback: 'rollbackDeployment',
} as const;

export const commandKey = (id: string): string => `deployment ${id}`;

/** Says it once: a repeat carries the same request id, and the step says what was looked at. */
export async function say(deployment: Deployment, verb: DeploymentVerb, reason: string, envName: string | null): Promise<boolean> {
  const { id, step } = deployment;
  const body = { reason, step, request_id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`, ...(envName === null ? {} : { env_name: envName }) };
  const known = deployment.records.length;
  const done = await run<DeploymentDone>({
    key: commandKey(id),
    subject: `Deployment ${id}: ${verb}`,
    send: (): Promise<Result<DeploymentDone>> => call(OPERATIONS[verb], { path: { id }, body }),
    resolve: () => askUntilKnown(async () => {
      const answer = await call('getDeployment', { path: { id: verb === 'rollback' ? 'newest' : id } });
      if (answer.kind !== 'ok' || answer.value.deployment === null) return { kind: 'unresolved' };
      const now = answer.value.deployment;
      if (now.rolls_back === id && now.reason === reason) return { kind: 'happened', value: { id: now.id, ask: verb } };
      const told = now.id === id && now.records.slice(known).some(({ text }) => text === reason || text.endsWith(`: ${reason}`));
      return told ? { kind: 'happened', value: { id, ask: verb } } : { kind: 'unresolved' };
    }),
    done: (value) => (value.id === id ? `Deployment ${id}: ${verb} is on its way` : `Deployment ${value.id} takes ${id} back`),
  });
  void shown.refresh();
  void history.refresh();
  return done !== null;
}
