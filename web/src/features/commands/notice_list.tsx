import { dismiss, notices, type NoticeKind } from './notices';

const MARKS: Record<NoticeKind, string> = { done: '✓', refused: '✕', unknown: '?' };

/** Results of commands, newest last. The list itself is always there: a live region must exist before its first word. */
export function NoticeList() {
  return (
    <div class="notices" role="log" aria-live="polite" aria-label="Results" data-testid="notices">
      {notices.value.map(({ id, kind, text, hint }) => (
        <div key={id} class={`notice notice-${kind}`}>
          <span class="notice-mark" aria-hidden="true">{MARKS[kind]}</span>
          <span>{text}{hint !== null && <small>{hint}</small>}</span>
          <button type="button" class="button button-quiet icon" aria-label="Dismiss" onClick={() => dismiss(id)}>×</button>
        </div>
      ))}
    </div>
  );
}
