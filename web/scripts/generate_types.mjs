// Writes src/api/types.ts from the gateway's OpenAPI document, so that no wire type is typed by hand.
//   node scripts/generate_types.mjs            write the file
//   node scripts/generate_types.mjs --check    exit 1 when the file is stale
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SCHEMA = fileURLToPath(new URL('../../src/gateway/schema/openapi.json', import.meta.url));
const OUTPUT = fileURLToPath(new URL('../src/api/types.ts', import.meta.url));
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** The whole text of types.ts for the document at `path`. */
export function generate(path = SCHEMA) {
  const document = JSON.parse(readFileSync(path, 'utf8'));
  return [
    '// Generated from src/gateway/schema/openapi.json by `npm run generate`. Do not edit.',
    ...Object.entries(document.components.schemas).map(([name, schema]) => declaration(name, schema)),
    calls(document),
    routes(document),
    channels(document),
  ].join('\n\n') + '\n';
}

function declaration(name, schema) {
  const type = typeOf(schema, 0);
  const isInterface = schema.type === 'object' && schema.properties !== undefined;
  return comment(schema.description, 0) + (isInterface ? `export interface ${name} ${type}` : `export type ${name} = ${type};`);
}

/** A JSON Schema as a TypeScript type. Only the keywords that our document uses are known; others throw. */
function typeOf(schema, depth) {
  if (schema.$ref) return schema.$ref.replace('#/components/schemas/', '');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.oneOf) return schema.oneOf.map((part) => typeOf(part, depth)).join(' | ');
  if (schema.allOf) return schema.allOf.map((part) => typeOf(part, depth)).join(' & ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type }, depth)).join(' | ');
  switch (schema.type) {
    case undefined: return 'unknown';
    case 'string': return 'string';
    case 'integer':
    case 'number': return 'number';
    case 'boolean': return 'boolean';
    case 'null': return 'null';
    case 'array': return arrayType(schema, depth);
    case 'object': return objectType(schema, depth);
    default: throw new Error(`unknown schema type ${schema.type}`);
  }
}

function arrayType(schema, depth) {
  if (schema.prefixItems) return `readonly [${schema.prefixItems.map((item) => typeOf(item, depth)).join(', ')}]`;
  const item = typeOf(schema.items, depth);
  return /[|&]/.test(item) ? `(${item})[]` : `${item}[]`;
}

function objectType(schema, depth) {
  if (!schema.properties) return `Record<string, ${typeOf(schema.additionalProperties ?? {}, depth)}>`;
  const indent = '  '.repeat(depth + 1);
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties).map(([key, value]) =>
    `${comment(value.description, depth + 1)}${indent}${key}${required.has(key) ? '' : '?'}: ${typeOf(value, depth + 1)};`);
  if (schema.additionalProperties === true) fields.push(`${indent}[key: string]: unknown;`);
  return `{\n${fields.join('\n')}\n${'  '.repeat(depth)}}`;
}

function comment(text, depth) {
  return text ? `${'  '.repeat(depth)}/** ${text} */\n` : '';
}

function operations(document) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, item, operation: item[method] })));
}

/** `Calls` gives each operation its parameters, body and reply; the typed client in http.ts is built on it. */
function calls(document) {
  const entries = operations(document).map(({ item, operation }) => {
    const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((parameter) =>
      parameter.$ref ? document.components.parameters[parameter.$ref.split('/').pop()] : parameter);
    const success = Object.entries(operation.responses).find(([status]) => status.startsWith('2'))?.[1];
    const reply = success.content['application/json'] ?? success.content['application/health+json'];
    const body = operation.requestBody?.content['application/json'].schema;
    return comment(operation.summary, 1) + `  ${operation.operationId}: {\n`
      + `    path: ${parameterType(parameters.filter(({ in: place }) => place === 'path'))};\n`
      + `    query: ${parameterType(parameters.filter(({ in: place }) => place === 'query'))};\n`
      + `    body: ${body ? typeOf(body, 2) : 'undefined'};\n`
      + `    reply: ${typeOf(reply.schema, 2)};\n  };`;
  });
  return `export interface Calls {\n${entries.join('\n')}\n}`;
}

function parameterType(parameters) {
  if (parameters.length === 0) return 'Record<never, never>';
  return `{ ${parameters.map(({ name, required, schema }) => `${name}${required ? '' : '?'}: ${typeOf(schema, 2)}`).join('; ')} }`;
}

function routes(document) {
  const entries = operations(document).map(({ path, method, operation }) =>
    `  ${operation.operationId}: { method: '${method.toUpperCase()}', path: '${path}', token: ${operation.security !== undefined} },`);
  return `export const routes = {\n${entries.join('\n')}\n} as const satisfies Record<keyof Calls, { method: string; path: string; token: boolean }>;`;
}

function channels(document) {
  const entries = Object.entries(document['x-channels']).map(([name, channel]) =>
    `  ${JSON.stringify(name)}: { snapshot: ${typeOf(channel.snapshot, 1)}; delta: ${typeOf(channel.delta, 1)} };`);
  return `/** What each WebSocket channel carries, by its pattern. */\nexport interface Channels {\n${entries.join('\n')}\n}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = generate();
  if (!process.argv.includes('--check')) {
    writeFileSync(OUTPUT, text);
  } else if (readFileSync(OUTPUT, 'utf8') !== text) {
    console.error('src/api/types.ts is stale: run `npm run generate`');
    process.exit(1);
  }
}
