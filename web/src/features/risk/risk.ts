import { computed, signal } from '@preact/signals';
import { call, type Result } from '../../api/http';
import type { Risk, RiskLimit } from '../../api/types';
import { decimal, percentOf } from '../../lib/decimal';
import { askUntilKnown, run } from '../commands/command';
import { stream } from '../connection/connection';

export const risk = signal<Risk | null>(null);
export const killSwitch = computed(() => risk.value?.kill_switch ?? null);

export function subscribeRisk(): void {
  const apply = (data: Risk) => { risk.value = data; };
  stream.subscribe('risk', { snapshot: apply, delta: apply });
}

export const RISK_KEY = 'risk';

export function tripKillSwitch(reason: string): Promise<Risk | null> {
  return command('Kill switch', () => call('tripKillSwitch', { body: { reason } }), (now) => now.kill_switch.active, 'Kill switch tripped: trading stopped');
}

export function resumeTrading(reason: string, actor: string): Promise<Risk | null> {
  return command('Resume', () => call('resumeTrading', { body: { reason, actor } }), (now) => !now.kill_switch.active, 'Trading resumed');
}

export function setRiskLimits(limits: Record<string, string>, reason: string): Promise<Risk | null> {
  const isDone = (now: Risk) => now.limits.every(({ name, limit }) => limits[name] === undefined || limits[name] === limit);
  return command('Risk limits', () => call('setRiskLimits', { body: { limits, reason } }), isDone, 'Risk limits changed');
}

function command(subject: string, send: () => Promise<Result<Risk>>, isDone: (now: Risk) => boolean, done: string) {
  return run<Risk>({
    key: RISK_KEY,
    subject,
    send,
    resolve: () => askUntilKnown(async () => {
      const answer = await call('getRisk', {});
      return answer.kind === 'ok' && isDone(answer.value) ? { kind: 'happened', value: answer.value } : { kind: 'unresolved' };
    }),
    done: () => done,
  });
}

export type LimitLevel = 'ok' | 'near' | 'breach';

/** The soft mark: from here on a limit is worth a look. */
export const NEAR_PERCENT = 80;

export interface LimitUse {
  percent: number | null;
  level: LimitLevel;
}

/** The engine's largest decimal stands for "no limit". */
const UNLIMITED = decimal('92233720368.54775807');

export function isUnlimited({ limit }: Pick<RiskLimit, 'limit'>): boolean {
  return decimal(limit) >= UNLIMITED;
}

/** How much of a limit is used. Limits that apply to one order at a time have no use. */
export function limitUse({ used, limit }: Pick<RiskLimit, 'used' | 'limit'>): LimitUse {
  if (used === null) return { percent: null, level: 'ok' };
  const percent = percentOf(decimal(used), decimal(limit));
  return { percent, level: percent >= 100 ? 'breach' : percent >= NEAR_PERCENT ? 'near' : 'ok' };
}
