import { beforeEach, describe, expect, it } from 'vitest';
import { isTyping, KeyMatcher, type KeyPress } from './keyboard';
import { SHORTCUTS } from './shortcuts';

const press = (key: string, held: Partial<KeyPress> = {}): KeyPress => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });
const shortcuts = ['?', 'g o', 'g t', 't', 'Shift+B', 'Ctrl+Shift+K'].map((keys) => ({ keys, does: '', run: () => {} }));
let matcher: KeyMatcher;
beforeEach(() => { matcher = new KeyMatcher(shortcuts); });

describe('KeyMatcher', () => {
  it('matches single keys, also shifted characters', () => {
    expect(matcher.match(press('?', { shiftKey: true }), 0)?.keys).toBe('?');
    expect(matcher.match(press('B', { shiftKey: true }), 0)?.keys).toBe('Shift+B');
    expect(matcher.match(press('b'), 0)).toBeNull();
  });

  it('matches a sequence within a second and not after', () => {
    expect(matcher.match(press('g'), 0)).toBeNull();
    expect(matcher.match(press('t'), 1_000)?.keys).toBe('g t');
    matcher.match(press('g'), 2_000);
    expect(matcher.match(press('t'), 3_001)?.keys).toBe('t');
  });

  it('forgets a sequence that went elsewhere', () => {
    matcher.match(press('g'), 0);
    expect(matcher.match(press('x'), 10)).toBeNull();
    expect(matcher.match(press('o'), 20)).toBeNull();
  });

  it('takes Command for Control', () => {
    expect(matcher.match(press('K', { metaKey: true, shiftKey: true }), 0)?.keys).toBe('Ctrl+Shift+K');
  });
});

it('no single letter does anything that could trade', () => {
  const letters = SHORTCUTS.filter(({ keys }) => /^[a-z]$/.test(keys)).map(({ keys }) => keys);
  expect(letters).toEqual(['c']); // Recentres the chart.
});

it('keys in a field belong to the field', () => {
  expect(isTyping(document.createElement('input'))).toBe(true);
  expect(isTyping(document.createElement('button'))).toBe(false);
});
