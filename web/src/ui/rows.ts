import { signal, type ReadonlySignal, type Signal } from '@preact/signals';
import { useRef } from 'preact/hooks';

/** A list that is read anew as a whole, as rows of a DataTable: a row that stays keeps its signal, and so its focus. */
export function useRows<Row>(list: readonly Row[], idOf: (row: Row) => string): { ids: string[]; rowOf: (id: string) => ReadonlySignal<Row> | undefined } {
  const rows = useRef(new Map<string, Signal<Row>>()).current;
  const ids = list.map(idOf);
  list.forEach((row, at) => {
    const known = rows.get(ids[at]!);
    if (known) known.value = row;
    else rows.set(ids[at]!, signal(row));
  });
  for (const id of rows.keys()) if (!ids.includes(id)) rows.delete(id);
  return { ids, rowOf: (id) => rows.get(id) };
}

const ROW_PX = 26;
const ROWS_MAX = 9;

/** As high as its rows, up to a bound: then it scrolls. */
export function tableHeight(rows: number): { height: string } {
  return { height: `${(Math.min(rows, ROWS_MAX) + 1) * ROW_PX + 6}px` };
}
