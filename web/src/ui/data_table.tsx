import type { ReadonlySignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useFlash } from './flash';
import { visibleRows } from './visible_rows';

export interface Column<Row> {
  head: string;
  /** A title of the head where the short one needs words. */
  meaning?: string;
  align?: 'left' | 'right';
  cell: (row: Row) => ComponentChildren;
  /** 1 always shows; 2 and 3 leave when the panel gets narrow. */
  priority?: 1 | 2 | 3;
}

export interface DataTableProps<Row> {
  label: string;
  columns: readonly Column<Row>[];
  ids: readonly string[];
  rowOf: (id: string) => ReadonlySignal<Row> | undefined;
  onOpen?: (id: string) => void;
  /** Flash a row when this text of it changes. */
  versionOf?: (row: Row) => string;
  foot?: ComponentChildren;
  testId?: string;
}

const ROW_PX = 26;

/**
 * Rows of one height, of which only those in view exist. Each row listens to its own signal. Focus is kept by id, so it
 * stays on its row when others come and go; `j`/`k` or arrows move it, Enter opens.
 */
export function DataTable<Row>({ label, columns, ids, rowOf, onOpen, versionOf, foot, testId }: DataTableProps<Row>) {
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 400 });
  const [focused, setFocused] = useState<string | null>(null);

  useLayoutEffect(() => {
    const element = scroller.current!;
    const measure = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    return () => { observer.disconnect(); element.removeEventListener('scroll', measure); };
  }, []);

  const { from, to } = visibleRows(ids.length, view.top, view.height, ROW_PX);
  const entry = focused !== null && ids.includes(focused) ? focused : ids[from];
  const move = (offset: number) => {
    const at = Math.max(0, ids.indexOf(focused ?? ''));
    const next = ids[Math.min(ids.length - 1, Math.max(0, at + offset))];
    if (next === undefined) return;
    setFocused(next);
    const element = scroller.current!;
    const top = ids.indexOf(next) * ROW_PX;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + 3 * ROW_PX > element.scrollTop + element.clientHeight) element.scrollTop = top + 3 * ROW_PX - element.clientHeight;
    requestAnimationFrame(() => element.querySelector<HTMLElement>(`[data-id="${CSS.escape(next)}"]`)?.focus());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // Keys typed into an input or pressed on a button inside a row belong to that control.
    const target = event.target as HTMLElement;
    if (!target.matches('tr')) return;
    if (event.key === 'j' || event.key === 'ArrowDown') move(1);
    else if (event.key === 'k' || event.key === 'ArrowUp') move(-1);
    else if (event.key === 'Enter' && focused !== null) onOpen?.(focused);
    else return;
    event.preventDefault();
  };

  return (
    <div class="table-scroll" ref={scroller} onKeyDown={onKeyDown}>
      <table class="data-table" aria-label={label} aria-rowcount={ids.length} data-testid={testId}>
        <thead>
          <tr>{columns.map((column) => <th key={column.head} scope="col" class={cellClass(column)} title={column.meaning}>{column.head}</th>)}</tr>
        </thead>
        <tbody>
          <Spacer rows={from} />
          {ids.slice(from, to).map((id) => {
            const row = rowOf(id);
            return row && (
              <TableRow
                key={id} id={id} row={row} columns={columns} isEntry={id === entry} versionOf={versionOf}
                onFocus={setFocused} onOpen={onOpen}
              />
            );
          })}
          <Spacer rows={ids.length - to} />
        </tbody>
        {foot && <tfoot>{foot}</tfoot>}
      </table>
    </div>
  );
}

interface TableRowProps<Row> {
  id: string;
  row: ReadonlySignal<Row>;
  columns: readonly Column<Row>[];
  isEntry: boolean;
  versionOf: ((row: Row) => string) | undefined;
  onFocus: (id: string) => void;
  onOpen: ((id: string) => void) | undefined;
}

function TableRow<Row>({ id, row, columns, isEntry, versionOf, onFocus, onOpen }: TableRowProps<Row>) {
  const value = row.value;
  const element = useRef<HTMLTableRowElement>(null);
  useFlash(element, versionOf?.(value));
  return (
    <tr
      ref={element}
      data-id={id}
      class={onOpen ? 'openable' : undefined}
      tabIndex={isEntry ? 0 : -1}
      onFocus={() => onFocus(id)}
      onClick={onOpen && (() => onOpen(id))}
    >
      {columns.map((column) => <td key={column.head} class={cellClass(column)}>{column.cell(value)}</td>)}
    </tr>
  );
}

function Spacer({ rows }: { rows: number }) {
  return rows > 0 ? <tr aria-hidden="true" class="spacer" style={{ height: `${rows * ROW_PX}px` }} /> : null;
}

function cellClass<Row>({ align = 'left', priority = 1 }: Column<Row>): string {
  return `align-${align} priority-${priority}`;
}
