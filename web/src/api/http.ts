// The typed client of the HTTP API. An answer is one of three things, and the third is not an error: a changing call
// whose reply got lost may have happened.
import { refusedToken, token } from './session';
import { routes, type Calls, type Problem } from './types';

export type Result<T> =
  | { kind: 'ok'; value: T }
  /** The gateway says no, with a stable code: nothing was changed. */
  | { kind: 'refused'; problem: Problem }
  /** No answer, or 504: it may have happened. Ask, do not send again. */
  | { kind: 'unknown'; detail: string };

type Operation = keyof Calls;
type Optional<Key extends string, T> = [keyof T] extends [never] ? { [K in Key]?: T } : { [K in Key]: T };
export type Arguments<Op extends Operation> =
  & Optional<'path', Calls[Op]['path']>
  & { query?: Calls[Op]['query'] }
  & (Calls[Op]['body'] extends undefined ? { body?: undefined } : { body: Calls[Op]['body'] })
  & { signal?: AbortSignal };

/** Longer than the gateway's own 5 s, so that its 504 comes before our patience ends. */
const TIMEOUT_MS = 8_000;

export async function call<Op extends Operation>(operation: Op, args: Arguments<Op>): Promise<Result<Calls[Op]['reply']>> {
  const { method, token: needsToken } = routes[operation];
  const sentToken = token.peek();
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (args.body !== undefined) headers['Content-Type'] = 'application/json';
  if (sentToken !== null && (needsToken || method !== 'GET')) headers['Authorization'] = `Bearer ${sentToken}`;

  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await fetch(urlOf(operation, args), {
      method,
      headers,
      body: args.body === undefined ? null : JSON.stringify(args.body),
      signal: args.signal ? AbortSignal.any([args.signal, timeout]) : timeout,
    });
    if (response.ok) return { kind: 'ok', value: (await response.json()) as Calls[Op]['reply'] };
    if (response.status === 401 && sentToken !== null) refusedToken.value = sentToken;
    return failure(response.status, await response.json().catch(() => null));
  } catch (error) {
    return { kind: 'unknown', detail: timeout.aborted ? `no answer in ${TIMEOUT_MS / 1000} s` : String((error as Error).message) };
  }
}

function failure(status: number, body: Problem | null): Result<never> {
  const problem: Problem = body?.code ? body : { type: 'about:blank', title: 'Error', status, code: `http_${status}`, detail: `The gateway answered ${status}.` };
  // 503 is refused before anything is written; other server errors say nothing about what happened.
  const isOutcomeKnown = status < 500 || status === 503;
  return isOutcomeKnown ? { kind: 'refused', problem } : { kind: 'unknown', detail: problem.detail };
}

export function urlOf<Op extends Operation>(operation: Op, args: Arguments<Op>): string {
  const parameters = (args.path ?? {}) as Record<string, string>;
  const path = routes[operation].path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parameters[name] ?? ''));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries((args.query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined && value !== null) query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** One line for a person: `PriceBand: price 70000 is 13 % from the mark, limit 5 %`. */
export function problemText(problem: Problem): string {
  return problem.detail ? `${problem.code}: ${problem.detail}` : problem.code;
}
