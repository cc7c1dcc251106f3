import { call, type Result } from '../../api/http';
import type { Strategies, Strategy } from '../../api/types';
import { EntityStore } from '../../lib/entity_store';
import { askUntilKnown, run } from '../commands/command';
import { stream } from '../connection/connection';

export const strategies = new EntityStore<Strategy>({
  idOf: (strategy) => strategy.name,
  compare: (a, b) => (a.name < b.name ? -1 : 1),
});

export function subscribeStrategies(): void {
  const apply = (data: Strategies) => strategies.replace(data.strategies);
  stream.subscribe('strategies', { snapshot: apply, delta: apply });
}

export const strategyKey = (name: string) => `strategy ${name}`;

export function startStrategy(name: string): Promise<Strategy | null> {
  return command(name, `Start ${name}`, () => call('startStrategy', { path: { name } }), ({ state }) => state === 'running');
}

export function stopStrategy(name: string): Promise<Strategy | null> {
  return command(name, `Stop ${name}`, () => call('stopStrategy', { path: { name } }), ({ state }) => state !== 'running');
}

export function setParams(name: string, change: Record<string, unknown>): Promise<Strategy | null> {
  return command(name, `Parameters of ${name}`, () => call('setStrategyParams', { path: { name }, body: change }),
    ({ params }) => Object.entries(change).every(([key, value]) => params[key] === value));
}

function command(name: string, subject: string, send: () => Promise<Result<Strategy>>, isDone: (strategy: Strategy) => boolean) {
  return run<Strategy>({
    key: strategyKey(name),
    subject,
    send,
    resolve: () => askUntilKnown(async () => {
      const answer = await call('listStrategies', {});
      const strategy = answer.kind === 'ok' ? answer.value.strategies.find((each) => each.name === name) : undefined;
      return strategy && isDone(strategy) ? { kind: 'happened', value: strategy } : { kind: 'unresolved' };
    }),
    done: (strategy) => `${subject}: ${strategy.state}`,
  });
}
