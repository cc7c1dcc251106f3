import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

const FLASH_MS = 300;
const calm = matchMedia('(prefers-reduced-motion: reduce)');

/** Fades the element's background once when `version` changes. `tone` names a colour of the palette. */
export function useFlash(element: RefObject<HTMLElement | null>, version: string | undefined, tone = 'accent'): void {
  const before = useRef(version);
  useEffect(() => {
    if (version === before.current) return;
    before.current = version;
    if (calm.matches || !element.current) return;
    const color = getComputedStyle(document.documentElement).getPropertyValue(`--flash-${tone}`);
    element.current.animate([{ backgroundColor: color }, { backgroundColor: 'transparent' }], FLASH_MS);
  }, [version]);
}
