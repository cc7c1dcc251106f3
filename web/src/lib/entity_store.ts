import { signal, type ReadonlySignal, type Signal } from '@preact/signals';

export interface EntityStoreOptions<Row> {
  idOf: (row: Row) => string;
  /** Order of the rows on the screen. */
  compare: (a: Row, b: Row) => number;
  /** Rows kept; the last ones in screen order go first, except those that `keep` protects. */
  capacity?: number;
  keep?: (row: Row) => boolean;
}

/**
 * Rows by id, each in a signal of its own: a changed row repaints one line, and only a new or removed row makes the
 * list render again. Rows are upserted, never appended, so a repeated message cannot double a line.
 */
export class EntityStore<Row> {
  private readonly rows = new Map<string, Signal<Row>>();
  private readonly idList = signal<readonly string[]>([]);
  private readonly hasSnapshot = signal(false);

  constructor(private readonly options: EntityStoreOptions<Row>) {}

  /** Ids in screen order. Changes only when a row comes or goes. */
  get ids(): ReadonlySignal<readonly string[]> {
    return this.idList;
  }

  /** False until the first snapshot: an empty list and an unknown one are told apart. */
  get loaded(): ReadonlySignal<boolean> {
    return this.hasSnapshot;
  }

  row(id: string): ReadonlySignal<Row> | undefined {
    return this.rows.get(id);
  }

  /** Reads every row and so subscribes to each: for totals and filters. */
  all(): Row[] {
    return this.idList.value.flatMap((id) => this.rows.get(id)?.value ?? []);
  }

  /** A snapshot: rows that it does not name are gone. */
  replace(rows: readonly Row[]): void {
    const named = new Set(rows.map(this.options.idOf));
    for (const id of [...this.rows.keys()]) if (!named.has(id)) this.rows.delete(id);
    this.write(rows);
    this.publishIds();
    this.hasSnapshot.value = true;
  }

  /** A delta: the rows that it names changed or are new. */
  upsert(rows: readonly Row[]): void {
    if (this.write(rows)) this.publishIds();
  }

  /** Rows from a page of history: what is already here is newer. */
  addMissing(rows: readonly Row[]): void {
    this.upsert(rows.filter((row) => !this.rows.has(this.options.idOf(row))));
  }

  private write(rows: readonly Row[]): boolean {
    let added = false;
    for (const row of rows) {
      const id = this.options.idOf(row);
      const known = this.rows.get(id);
      if (known) {
        known.value = row;
      } else {
        this.rows.set(id, signal(row));
        added = true;
      }
    }
    return added;
  }

  private publishIds(): void {
    const { compare, capacity = Infinity, keep } = this.options;
    const sorted = [...this.rows].sort(([, a], [, b]) => compare(a.peek(), b.peek()));
    let excess = sorted.length - capacity;
    for (let at = sorted.length - 1; at >= 0 && excess > 0; at -= 1) {
      const [id, row] = sorted[at]!;
      if (keep?.(row.peek())) continue;
      this.rows.delete(id);
      excess -= 1;
    }
    this.idList.value = sorted.filter(([id]) => this.rows.has(id)).map(([id]) => id);
  }
}

/** Newest first. Stamps are decimal text of one length for the next 260 years, so a longer one is later. */
export function newestFirst(a: string, b: string): number {
  if (a.length !== b.length) return b.length - a.length;
  return a < b ? 1 : a > b ? -1 : 0;
}
