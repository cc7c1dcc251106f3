import { expect, it } from 'vitest';
import { visibleRows } from './visible_rows';

it.each([
  ['a short list whole', 5, 0, 260, { from: 0, to: 5 }],
  ['the head of a long one', 10_000, 0, 260, { from: 0, to: 20 }],
  ['the middle', 10_000, 26_000, 260, { from: 990, to: 1020 }],
  ['the tail', 10_000, 260_000 - 260, 260, { from: 9980, to: 10_000 }],
  ['nothing of an empty one', 0, 500, 260, { from: 0, to: 0 }],
])('draws %s', (_, count, top, height, expected) => expect(visibleRows(count, top, height, 26)).toEqual(expected));
