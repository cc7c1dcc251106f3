import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { isBusy, type CommandState } from '../features/commands/command';

export interface ActionButtonProps {
  onPress: () => void;
  /** Why it cannot be pressed now. The button stays focusable, so that a keyboard finds the reason too. */
  reason?: string | null;
  /** The command behind it: pending and checking show and hold the button. */
  state?: CommandState;
  tone?: 'plain' | 'quiet' | 'buy' | 'sell' | 'danger' | 'primary';
  type?: 'button' | 'submit';
  label?: string;
  autoFocus?: boolean;
  children: ComponentChildren;
  testId?: string;
}

export function ActionButton({ onPress, reason = null, state, tone = 'plain', type = 'button', label, autoFocus, children, testId }: ActionButtonProps) {
  const reasonId = useId();
  const busy = state !== undefined && isBusy(state);
  const blocked = reason !== null || busy;
  return (
    <button
      type={type}
      class={`button button-${tone}`}
      aria-disabled={blocked}
      aria-busy={busy}
      aria-label={label}
      aria-describedby={reason === null ? undefined : reasonId}
      title={reason ?? undefined}
      autofocus={autoFocus}
      data-testid={testId}
      onClick={(event) => {
        if (type === 'submit') return; // The form decides; it sees `reason` too.
        event.stopPropagation();
        if (!blocked) onPress();
      }}
    >
      {busy ? <span class="busy">{state.phase === 'checking' ? 'Unknown, checking…' : 'Sending…'}</span> : children}
      {reason !== null && <span id={reasonId} class="visually-hidden">{reason}</span>}
    </button>
  );
}
