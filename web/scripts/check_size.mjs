// Fails when the page's JavaScript passes its budget: libraries 93 KiB and our own code at most 60, gzipped.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT_KIB = 155;

const scripts = readdirSync('dist/assets').filter((name) => name.endsWith('.js'));
if (scripts.length === 0) throw new Error('dist/assets has no script: run `npm run build` first');
const bytes = scripts.reduce((sum, name) => sum + gzipSync(readFileSync(`dist/assets/${name}`), { level: 9 }).length, 0);
const kib = bytes / 1024;
console.log(`JavaScript ${kib.toFixed(1)} KiB gzipped in ${scripts.length} file(s), limit ${LIMIT_KIB} KiB`);
process.exit(kib > LIMIT_KIB ? 1 : 0);
