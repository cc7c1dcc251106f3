// How the page looks, kept in this browser. Nothing here changes what is traded.
import { effect, signal } from '@preact/signals';

export type Theme = 'system' | 'dark' | 'light';
export type Palette = 'green-red' | 'blue-orange';

export const theme = signal<Theme>(stored('stoa.theme', ['system', 'dark', 'light']));
export const palette = signal<Palette>(stored('stoa.palette', ['green-red', 'blue-orange']));

const systemLight = matchMedia('(prefers-color-scheme: light)');
/** The theme in force; charts redraw when it or the palette changes. */
export const appearance = signal('');

export function applyPreferences(): void {
  systemLight.addEventListener('change', apply);
  effect(apply);
}

function apply(): void {
  const shown = theme.value === 'system' ? (systemLight.matches ? 'light' : 'dark') : theme.value;
  document.documentElement.dataset['theme'] = shown;
  document.documentElement.dataset['palette'] = palette.value;
  localStorage.setItem('stoa.theme', theme.value);
  localStorage.setItem('stoa.palette', palette.value);
  appearance.value = `${shown} ${palette.value}`;
}

function stored<Value extends string>(key: string, values: readonly [Value, ...Value[]]): Value {
  const found = localStorage.getItem(key);
  return values.find((value) => value === found) ?? values[0];
}

/** The value of a custom property, for what is drawn on a canvas. */
export function cssColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
