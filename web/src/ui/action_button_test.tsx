import { render } from 'preact';
import { beforeEach, expect, it, vi } from 'vitest';
import { ActionButton } from './action_button';

let host: HTMLElement;
beforeEach(() => { host = document.createElement('div'); });
const button = () => host.querySelector('button')!;

it('with a reason it can be focused and read but not pressed', () => {
  const onPress = vi.fn();
  render(<ActionButton reason="Read-only: no token" onPress={onPress}>Send</ActionButton>, host);
  button().click();
  expect(onPress).not.toHaveBeenCalled();
  expect(button().disabled).toBe(false);
  expect(button().getAttribute('aria-disabled')).toBe('true');
  expect(host.querySelector(`#${CSS.escape(button().getAttribute('aria-describedby')!)}`)!.textContent).toBe('Read-only: no token');
});

it('without a reason it works', () => {
  const onPress = vi.fn();
  render(<ActionButton onPress={onPress}>Send</ActionButton>, host);
  button().click();
  expect(onPress).toHaveBeenCalledTimes(1);
});

it.each([['pending', 'Sending…'], ['checking', 'Unknown, checking…']] as const)('while %s it says so and waits', (phase, words) => {
  const onPress = vi.fn();
  render(<ActionButton state={{ phase }} onPress={onPress}>Send</ActionButton>, host);
  button().click();
  expect(onPress).not.toHaveBeenCalled();
  expect(button().textContent).toBe(words);
});
