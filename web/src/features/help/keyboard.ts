// Which keys do what. Single letters never trade; a sequence is two keys within a second.

export interface Shortcut {
  /** As shown and as matched: `g o`, `Shift+B`, `?`. */
  keys: string;
  does: string;
  run: () => void;
}

export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

const SEQUENCE_MS = 1_000;

/** Finds the shortcut of each key press, remembering the first key of a sequence for a second. */
export class KeyMatcher {
  private pending: { key: string; atMs: number } | null = null;

  constructor(private readonly shortcuts: readonly Shortcut[]) {}

  match(press: KeyPress, nowMs: number): Shortcut | null {
    const name = nameOf(press);
    if (name === null) return null;
    const prefix = this.pending !== null && nowMs - this.pending.atMs <= SEQUENCE_MS ? `${this.pending.key} ` : '';
    this.pending = null;
    const found = this.find(prefix + name) ?? (prefix ? this.find(name) : undefined);
    if (!found && this.shortcuts.some(({ keys }) => keys.startsWith(`${name} `))) this.pending = { key: name, atMs: nowMs };
    return found ?? null;
  }

  private find(keys: string): Shortcut | undefined {
    return this.shortcuts.find((shortcut) => shortcut.keys === keys);
  }
}

/** `Ctrl+Shift+K`, `Shift+B`, `?`: Shift is named only for letters, where it is not part of the character. */
function nameOf({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyPress): string | null {
  if (['Shift', 'Control', 'Alt', 'Meta'].includes(key) || altKey) return null;
  const isLetter = /^[a-z]$/i.test(key);
  const parts = [ctrlKey || metaKey ? 'Ctrl' : '', isLetter && shiftKey ? 'Shift' : ''].filter(Boolean);
  return [...parts, isLetter && parts.length > 0 ? key.toUpperCase() : key].join('+');
}

/** Keys typed into a field belong to the field. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.matches('input, select, textarea') || target.isContentEditable);
}
