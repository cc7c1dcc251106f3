// What every button that changes something goes through: pending → acknowledged, refused, or unknown and checking.
import { signal, type ReadonlySignal, type Signal } from '@preact/signals';
import { problemText, type Result } from '../../api/http';
import type { Problem } from '../../api/types';
import { notify } from './notices';

export type CommandState =
  | { phase: 'idle' }
  | { phase: 'pending' }
  | { phase: 'checking' }
  | { phase: 'acknowledged' }
  | { phase: 'refused'; problem: Problem }
  | { phase: 'unresolved' };

export interface Command<T> {
  /** Buttons that share a key share a state: one cancel per order, one placement per ticket. */
  key: string;
  send: () => Promise<Result<T>>;
  /** After a lost reply: asks until the engine tells. Null when it could not be found out. Never sends again. */
  resolve: () => Promise<Resolution<T>>;
  /** Said to the person, and read out, once it is known. */
  done: (value: T) => string;
  /** `Order w-1`, the start of the sentence when it goes wrong. */
  subject: string;
}

export type Resolution<T> = { kind: 'happened'; value: T } | { kind: 'did not happen'; detail: string } | { kind: 'unresolved' };

const states = new Map<string, Signal<CommandState>>();

export function commandState(key: string): ReadonlySignal<CommandState> {
  return stateOf(key);
}

export function isBusy(state: CommandState): boolean {
  return state.phase === 'pending' || state.phase === 'checking';
}

/** Runs the command unless the same one is under way. Returns its value once known to have happened, else null. */
export async function run<T>(command: Command<T>): Promise<T | null> {
  const state = stateOf(command.key);
  if (isBusy(state.peek())) return null;
  state.value = { phase: 'pending' };
  const result = await command.send();
  switch (result.kind) {
    case 'ok':
      return acknowledged(state, command, result.value);
    case 'refused':
      state.value = { phase: 'refused', problem: result.problem };
      notify('refused', `${command.subject}: ${problemText(result.problem)}`, result.problem.hint);
      return null;
    case 'unknown':
      state.value = { phase: 'checking' };
      notify('unknown', `${command.subject}: outcome unknown (${result.detail}), checking`);
      return resolved(state, command, await command.resolve());
  }
}

function resolved<T>(state: Signal<CommandState>, command: Command<T>, resolution: Resolution<T>): T | null {
  switch (resolution.kind) {
    case 'happened':
      return acknowledged(state, command, resolution.value);
    case 'did not happen':
      state.value = { phase: 'idle' };
      notify('refused', `${command.subject}: did not happen`, resolution.detail);
      return null;
    case 'unresolved':
      state.value = { phase: 'unresolved' };
      notify('unknown', `${command.subject}: still unknown`, 'Look at the order list before you send it again.');
      return null;
  }
}

function acknowledged<T>(state: Signal<CommandState>, command: Command<T>, value: T): T {
  state.value = { phase: 'acknowledged' };
  notify('done', command.done(value));
  return value;
}

function stateOf(key: string): Signal<CommandState> {
  let state = states.get(key);
  if (!state) states.set(key, (state = signal<CommandState>({ phase: 'idle' })));
  return state;
}

/** Asks `probe` with growing pauses until it gives an answer or `attempts` are used up. */
export async function askUntilKnown<T>(
  probe: () => Promise<Resolution<T>>,
  { attempts = 8, pause = defaultPause }: { attempts?: number; pause?: (attempt: number) => Promise<void> } = {},
): Promise<Resolution<T>> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    await pause(attempt);
    const answer = await probe();
    if (answer.kind !== 'unresolved') return answer;
  }
  return { kind: 'unresolved' };
}

function defaultPause(attempt: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, Math.min(8_000, 500 * 2 ** attempt)));
}
