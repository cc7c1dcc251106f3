import { signal } from '@preact/signals';

export type NoticeKind = 'done' | 'refused' | 'unknown';

export interface Notice {
  id: number;
  kind: NoticeKind;
  text: string;
  hint: string | null;
}

const KEPT = 4;
const SHOWN_MS: Record<NoticeKind, number> = { done: 5_000, unknown: 12_000, refused: 12_000 };

export const notices = signal<readonly Notice[]>([]);
let lastId = 0;

/** Says the result of a command: on the screen, and to a screen reader through the live region that lists them. */
export function notify(kind: NoticeKind, text: string, hint?: string): void {
  const id = (lastId += 1);
  notices.value = [...notices.peek().slice(1 - KEPT), { id, kind, text, hint: hint || null }];
  setTimeout(() => dismiss(id), SHOWN_MS[kind]);
}

export function dismiss(id: number): void {
  notices.value = notices.peek().filter((notice) => notice.id !== id);
}
