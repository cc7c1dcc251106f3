// What is asked again and again because no channel brings it: the newest answer, its age, and why there is none.
import { signal, type ReadonlySignal } from '@preact/signals';
import type { Result } from '../api/http';
import type { Problem } from '../api/types';

export interface Polled<T> {
  value: T | null;
  /** Why the last question brought nothing; `value` is then the one before it. */
  problem: Problem | null;
  /** Local time of `value`. */
  atMs: number | null;
}

export class Poll<T> {
  private readonly told = signal<Polled<T>>({ value: null, problem: null, atMs: null });
  private timer: ReturnType<typeof setTimeout> | undefined;
  private round = 0;
  private users = 0;

  /** `everyMs` decides after each answer when to ask again. */
  constructor(
    private readonly ask: () => Promise<Result<T>>,
    private readonly everyMs: (last: Polled<T>) => number,
  ) {}

  get state(): ReadonlySignal<Polled<T>> {
    return this.told;
  }

  /** Asks until the answer is called; several users share one rhythm. */
  start(): () => void {
    this.users += 1;
    if (this.users === 1) void this.refresh();
    return () => {
      this.users -= 1;
      if (this.users > 0) return;
      clearTimeout(this.timer);
      this.round += 1; // An answer that is still on its way comes too late.
    };
  }

  /** Forgets what it knows, as the question has become another one. */
  reset(): void {
    this.told.value = { value: null, problem: null, atMs: null };
    if (this.users > 0) void this.refresh();
  }

  /** Asks now if anybody looks. */
  async refreshSoon(): Promise<void> {
    if (this.users > 0) await this.refresh();
  }

  async refresh(): Promise<void> {
    clearTimeout(this.timer);
    const round = (this.round += 1);
    const result = document.hidden && this.told.peek().value !== null ? null : await this.ask();
    if (round !== this.round) return;
    if (result !== null) this.told.value = settled(this.told.peek(), result, Date.now());
    if (this.users > 0) this.timer = setTimeout(() => void this.refresh(), this.everyMs(this.told.peek()));
  }
}

/** What is known after an answer: a failed question leaves the last value, which grows old. */
export function settled<T>(before: Polled<T>, result: Result<T>, nowMs: number): Polled<T> {
  switch (result.kind) {
    case 'ok': return { value: result.value, problem: null, atMs: nowMs };
    case 'refused': return { ...before, problem: result.problem };
    case 'unknown': return { ...before, problem: { type: 'about:blank', title: 'No answer', status: 0, code: 'no_answer', detail: result.detail } };
  }
}
