/** Rows drawn above and below the view, so that a fast scroll does not show a gap. */
const MARGIN_ROWS = 10;

/** Which rows of one height a view of `height` pixels scrolled to `top` has to draw: `[from, to)`. */
export function visibleRows(count: number, top: number, height: number, rowPx: number): { from: number; to: number } {
  const first = Math.floor(top / rowPx);
  const shown = Math.ceil(height / rowPx);
  return { from: Math.max(0, Math.min(first - MARGIN_ROWS, count)), to: Math.min(count, first + shown + MARGIN_ROWS) };
}
