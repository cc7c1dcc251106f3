import { batch } from '@preact/signals';

/** Runs `task` soon: at the next animation frame, or after 200 ms where frames do not come (a hidden tab). */
export function nextFrame(task: () => void): void {
  let done = false;
  const once = () => {
    if (done) return;
    done = true;
    task();
  };
  requestAnimationFrame(once);
  setTimeout(once, 200);
}

/** Collects items and hands them over once per frame inside one signal batch, so a burst costs one repaint. */
export class FrameBatch<Item> {
  private items: Item[] = [];

  constructor(
    private readonly apply: (item: Item) => void,
    private readonly schedule: (task: () => void) => void = nextFrame,
  ) {}

  add(item: Item): void {
    this.items.push(item);
    if (this.items.length === 1) this.schedule(() => this.flush());
  }

  clear(): void {
    this.items = [];
  }

  private flush(): void {
    const items = this.items;
    this.items = [];
    batch(() => items.forEach((item) => this.apply(item)));
  }
}
