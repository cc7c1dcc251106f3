import { describe, expect, it } from 'vitest';
import { changesOf, errorOf, fieldsOf, inputsOf, rangeText } from './schema_form';

const schema = {
  type: 'object',
  properties: {
    spread_bps: { type: 'string', format: 'decimal', title: 'Spread', 'x-minimum': '0.1', 'x-maximum': '100', 'x-step': '0.1', 'x-unit': 'bp' },
    levels: { type: 'integer', minimum: 1, maximum: 5, multipleOf: 2 },
    post_only: { type: 'boolean' },
    mode: { type: 'string', enum: ['calm', 'fast'] },
    label: { type: 'string' },
  },
};
const params = { spread_bps: '1.5', levels: 3, post_only: true, mode: 'calm', label: 'x' };
const fields = fieldsOf(schema, params);
const field = (name: string) => fields.find((each) => each.name === name)!;
const changed = (change: Record<string, string>) => changesOf(fields, { ...inputsOf(fields), ...change });

it('kinds come from type, format and enum', () => {
  expect(fields.map(({ kind }) => kind)).toEqual(['decimal', 'integer', 'boolean', 'choice', 'text']);
});

it('a boolean that comes as a decimal is still one', () => {
  expect(fieldsOf(schema, { ...params, post_only: '1' }).map(({ current }) => current)[2]).toBe(true);
  expect(fieldsOf(schema, { ...params, post_only: '0' }).map(({ current }) => current)[2]).toBe(false);
});

describe('errorOf', () => {
  it.each([
    ['spread_bps', '0.1', null],
    ['spread_bps', '0.09', '0.1 to 100 bp'],
    ['spread_bps', '100.01', '0.1 to 100 bp'],
    ['spread_bps', 'wide', 'A decimal with at most eight places'],
    ['spread_bps', '0.25', 'In steps of 0.1'],
    ['levels', '5', null],
    ['levels', '4', 'In steps of 2'],
    ['levels', '2.5', 'A whole number'],
    ['levels', '6', '1 to 5'],
  ])('%s %s', (name, input, error) => expect(errorOf(field(name), input)).toBe(error));
});

describe('changesOf', () => {
  it('is empty at first and for another spelling of the same number', () => {
    expect(changed({})).toEqual([]);
    expect(changed({ spread_bps: '1.50', levels: ' 3 ' })).toEqual([]);
  });

  it('carries old and new, and the value in its wire type', () => {
    expect(changed({ spread_bps: '2', levels: '5', post_only: 'false' })).toEqual([
      { name: 'spread_bps', title: 'Spread', from: '1.5', to: '2', value: '2' },
      { name: 'levels', title: 'levels', from: '3', to: '5', value: 5 },
      { name: 'post_only', title: 'post_only', from: 'true', to: 'false', value: false },
    ]);
  });
});

it('a one-sided range reads as words', () => {
  expect(rangeText({ ...field('levels'), maximum: null })).toBe('at least 1');
});
