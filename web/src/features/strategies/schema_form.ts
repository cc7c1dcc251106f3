// A form from a JSON Schema: which inputs, what may be typed, and what would change. No framework, no view.
import { decimal, isMultiple, parseDecimal } from '../../lib/decimal';

export type FieldKind = 'boolean' | 'integer' | 'decimal' | 'choice' | 'text';

export interface SchemaField {
  name: string;
  title: string;
  description: string | null;
  kind: FieldKind;
  /** On the wire a JSON string (exact decimals) or a JSON number. */
  isNumber: boolean;
  minimum: string | null;
  maximum: string | null;
  /** Values are the minimum plus whole steps. */
  step: string | null;
  choices: readonly string[];
  unit: string | null;
  current: unknown;
}

export type Inputs = Record<string, string>;

export interface Change {
  name: string;
  title: string;
  from: string;
  to: string;
  value: unknown;
}

type Schema = Record<string, unknown>;

export function fieldsOf(schema: Schema, params: Record<string, unknown>): SchemaField[] {
  return Object.entries((schema['properties'] ?? {}) as Record<string, Schema>).map(([name, property]) => ({
    name,
    title: text(property['title']) ?? name,
    description: text(property['description']),
    kind: kindOf(property, params[name]),
    isNumber: property['type'] === 'integer' || property['type'] === 'number',
    minimum: bound(property['minimum'] ?? property['x-minimum']),
    maximum: bound(property['maximum'] ?? property['x-maximum']),
    step: bound(property['multipleOf'] ?? property['x-step']),
    choices: Array.isArray(property['enum']) ? property['enum'].map(String) : [],
    unit: text(property['unit'] ?? property['x-unit']),
    current: currentOf(property, params[name] ?? property['default'] ?? ''),
  }));
}

/** A boolean may come as the decimal that it is inside the engine. */
function currentOf(property: Schema, value: unknown): unknown {
  return property['type'] === 'boolean' ? value === true || value === 'true' || value === '1' : value;
}

export function inputsOf(fields: readonly SchemaField[]): Inputs {
  return Object.fromEntries(fields.map(({ name, current }) => [name, String(current)]));
}

/** What is wrong with one input, in words; null when nothing is. */
export function errorOf(field: SchemaField, input: string): string | null {
  if (field.kind === 'integer' && !/^-?\d+$/.test(input.trim())) return 'A whole number';
  if (field.kind !== 'integer' && field.kind !== 'decimal') return null;
  const value = parseDecimal(input);
  if (value === null) return 'A decimal with at most eight places';
  const isBelow = field.minimum !== null && value < decimal(field.minimum);
  const isAbove = field.maximum !== null && value > decimal(field.maximum);
  if (isBelow || isAbove) return rangeText(field);
  const isOffStep = field.step !== null && field.step !== '0' && !isMultiple(value - decimal(field.minimum ?? '0'), decimal(field.step));
  return isOffStep ? `In steps of ${field.step}` : null;
}

export function rangeText({ minimum, maximum, unit }: SchemaField): string {
  const range = minimum !== null && maximum !== null ? `${minimum} to ${maximum}` : minimum !== null ? `at least ${minimum}` : maximum !== null ? `at most ${maximum}` : '';
  return [range, unit].filter(Boolean).join(' ');
}

/** The inputs that differ from what is in force. `1.50` is no change from `1.5`. */
export function changesOf(fields: readonly SchemaField[], inputs: Inputs): Change[] {
  return fields.flatMap((field): Change[] => {
    const input = (inputs[field.name] ?? '').trim();
    if (isSame(field, input)) return [];
    return [{ name: field.name, title: field.title, from: String(field.current), to: input, value: wireValue(field, input) }];
  });
}

function isSame(field: SchemaField, input: string): boolean {
  const [typed, current] = [parseDecimal(input), parseDecimal(String(field.current))];
  if ((field.kind === 'decimal' || field.kind === 'integer') && typed !== null && current !== null) return typed === current;
  return input === String(field.current);
}

function wireValue(field: SchemaField, input: string): unknown {
  if (field.kind === 'boolean') return input === 'true';
  return field.isNumber ? Number(input) : input;
}

function kindOf(property: Schema, current: unknown): FieldKind {
  if (Array.isArray(property['enum'])) return 'choice';
  if (property['type'] === 'boolean') return 'boolean';
  if (property['type'] === 'integer') return 'integer';
  if (property['type'] === 'number') return 'decimal';
  const saysDecimal = property['format'] === 'decimal' || (typeof property['pattern'] === 'string' && /\\d|0-9/.test(property['pattern']));
  // An exact decimal travels as a string; where the schema does not say so, its value does.
  return saysDecimal || (typeof current === 'string' && parseDecimal(current) !== null) ? 'decimal' : 'text';
}

function bound(value: unknown): string | null {
  const shown = typeof value === 'number' || typeof value === 'string' ? String(value) : null;
  return shown !== null && parseDecimal(shown) !== null ? shown : null;
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
