import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

export interface DialogProps {
  title: string;
  onClose: () => void;
  /** `drawer` slides in at the right and is as tall as the page. */
  shape?: 'box' | 'drawer';
  tone?: 'plain' | 'danger';
  children: ComponentChildren;
  testId?: string;
}

/** A modal on the native element: the browser traps focus, closes on Esc and gives focus back. */
export function Dialog({ title, onClose, shape = 'box', tone = 'plain', children, testId }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const headingId = useId();
  useEffect(() => {
    const dialog = element.current!;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  return (
    <dialog
      ref={element}
      class={`dialog dialog-${shape} dialog-${tone}`}
      aria-labelledby={headingId}
      data-testid={testId}
      onCancel={(event) => { event.preventDefault(); onClose(); }}
      onPointerDown={(event) => { if (event.target === element.current) onClose(); }}
    >
      <div class="dialog-frame">
        <header class="dialog-head">
          <h2 id={headingId}>{title}</h2>
          <button type="button" class="button button-quiet icon" aria-label="Close" onClick={onClose}>×</button>
        </header>
        <div class="dialog-body">{children}</div>
      </div>
    </dialog>
  );
}
