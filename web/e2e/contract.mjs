// Checks values against the schemas of the OpenAPI document: what the page is compiled against is what the engine sends.
import { readFile } from 'node:fs/promises';

export async function loadContract() {
  const text = await readFile(new URL('../../src/gateway/schema/openapi.json', import.meta.url), 'utf8');
  return new Contract(JSON.parse(text));
}

class Contract {
  constructor(document) {
    this.document = document;
  }

  /** What is wrong with `value` as `schema`, each fault with its path. The keywords are those that the document uses. */
  faults(value, schema, path = '$') {
    if (schema.$ref) return this.faults(value, this.resolve(schema.$ref), path);
    if (schema.allOf) return schema.allOf.flatMap((part) => this.faults(value, part, path));
    if (schema.oneOf) {
      const attempts = schema.oneOf.map((part) => this.faults(value, part, path));
      return attempts.some((faults) => faults.length === 0) ? [] : attempts[0];
    }
    if (schema.const !== undefined && value !== schema.const) return [`${path}: ${show(value)} is not ${schema.const}`];
    if (schema.enum && !schema.enum.includes(value)) return [`${path}: ${show(value)} is none of ${schema.enum.join(', ')}`];
    const types = [schema.type ?? []].flat();
    if (types.length > 0 && !types.some((type) => isType(value, type))) return [`${path}: ${show(value)} is no ${types.join(' or ')}`];
    if (typeof value === 'string' && schema.pattern && !new RegExp(schema.pattern).test(value)) return [`${path}: ${show(value)} does not match ${schema.pattern}`];
    if (Array.isArray(value)) return value.flatMap((item, at) => this.faults(item, schema.prefixItems?.[at] ?? schema.items ?? {}, `${path}[${at}]`));
    return value !== null && typeof value === 'object' ? this.objectFaults(value, schema, path) : [];
  }

  objectFaults(value, { required = [], properties = {}, additionalProperties = {} }, path) {
    const missing = required.filter((name) => !(name in value)).map((name) => `${path}.${name}: missing`);
    const rest = additionalProperties === true || additionalProperties === false ? {} : additionalProperties;
    return [...missing, ...Object.entries(value).flatMap(([name, each]) => this.faults(each, properties[name] ?? rest, `${path}.${name}`))];
  }

  resolve(reference) {
    return reference.slice(2).split('/').reduce((node, name) => node[name], this.document);
  }

  /** What is wrong with the 200 that a GET of `path` answered as media type `type`. */
  replyFaults(path, type, body, url) {
    const { content } = this.document.paths[path].get.responses['200'];
    if (!content[type]) return [`${url}: answered as ${type}, documented are ${Object.keys(content).join(', ')}`];
    return this.faults(body, content[type].schema, url);
  }

  channel(name, type) {
    const [kind] = name.split('.');
    const [, channel] = Object.entries(this.document['x-channels']).find(([pattern]) => pattern.split('.')[0] === kind);
    return channel[type];
  }
}

function isType(value, type) {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'object') return value !== null && typeof value === 'object' && !Array.isArray(value);
  return typeof value === type;
}

const show = (value) => JSON.stringify(value)?.slice(0, 60);
