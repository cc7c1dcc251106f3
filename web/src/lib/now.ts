import { signal } from '@preact/signals';

/** Local time in milliseconds, renewed four times a second: ages and clocks read this instead of owning timers. */
export const nowMs = signal(Date.now());

setInterval(() => {
  nowMs.value = Date.now();
}, 250);
