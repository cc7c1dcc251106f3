import { computed, signal } from '@preact/signals';
import { groupingSteps } from './book';
import { instrument } from './instruments';

/** Index into the steps of the instrument, so that a switch of symbol keeps the coarseness. */
const chosen = signal(0);

const steps = computed(() => (instrument.value ? groupingSteps(instrument.value.tick_size) : ['0.01']));
/** The price step that ladder rows are grouped by. */
export const groupingStep = computed(() => steps.value[Math.min(chosen.value, steps.value.length - 1)]!);

/** One step coarser (+1) or finer (−1). */
export function changeGrouping(offset: number): void {
  chosen.value = Math.max(0, Math.min(steps.peek().length - 1, chosen.peek() + offset));
}

export function GroupingPicker() {
  return (
    <label class="inline-field">
      <span class="visually-hidden">Group prices by</span>
      <select value={groupingStep.value} title="Group prices by  [ ]" onChange={(event) => { chosen.value = steps.value.indexOf(event.currentTarget.value); }}>
        {steps.value.map((step) => <option key={step} value={step}>{step}</option>)}
      </select>
    </label>
  );
}
