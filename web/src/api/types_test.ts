// @vitest-environment node
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
// @ts-expect-error a plain script without declarations
import { generate } from '../../scripts/generate_types.mjs';

it('types.ts is what the OpenAPI document generates', () => {
  expect(readFileSync('src/api/types.ts', 'utf8')).toBe(generate('../src/gateway/schema/openapi.json'));
});
