// Fails when a package that ships has a licence we do not know to be permissive, when a tool has one that is not open,
// or when the lockfile names a registry.
import { readFileSync } from 'node:fs';

const SHIPPED = new Set(['MIT', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', '0BSD']);
const TOOLS = new Set([...SHIPPED, 'MPL-2.0']);

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const entries = Object.entries(packages).filter(([path]) => path !== '');
const faults = entries.flatMap(([path, { license, dev, resolved }]) => {
  const allowed = dev ? TOOLS : SHIPPED;
  return [
    ...(allowed.has(license) ? [] : [`${path}: licence ${license ?? 'not stated'}`]),
    ...(resolved?.includes('://') ? [`${path}: the lockfile names a registry, see .npmrc`] : []),
  ];
});
faults.forEach((fault) => console.error(fault));
console.log(`${entries.length} packages, ${entries.filter(([, { dev }]) => !dev).length} of them shipped`);
process.exit(faults.length > 0 ? 1 : 0);
