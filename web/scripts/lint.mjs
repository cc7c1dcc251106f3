// The few rules that a type checker does not know. Each has a reason; a file that breaks one is named with its line.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const LINES_MAX = 320;

const RULES = [
  { pattern: /\bparseFloat\s*\(/, why: 'money is exact: use lib/decimal.ts' },
  { pattern: /\bdangerouslySetInnerHTML\b|\.innerHTML\b/, why: 'text from outside must never become markup' },
  { pattern: /\bstyle="/, why: 'the content policy forbids style attributes: use a class or the style object' },
  { pattern: /https?:\/\/(?!www\.tradingview\.com|127\.0\.0\.1|x['"])/, why: 'the page asks nobody but its own server', except: /_test\.tsx?$/ },
  { pattern: /\bNumber\([^)]*\b(price|quantity|fee|pnl|notional|equity|close)\b/, why: 'toPixels for charts, decimal for everything else', only: /^src\/features/ },
  { pattern: /\b(TODO|FIXME|XXX)\b/, why: 'finish it, or write down a decision' },  // words: allow
  { pattern: /\bconsole\.(log|debug)\b/, why: 'left from debugging', only: /^src\// },
  { pattern: /\t/, why: 'indent with spaces' },
  { pattern: /[ \t]+$/, why: 'trailing space' },
];

const files = ['src', 'scripts', 'dev', 'e2e'].flatMap((folder) =>
  readdirSync(folder, { recursive: true }).map((name) => join(folder, name)).filter((path) => /\.(ts|tsx|mjs|css)$/.test(path)));
const faults = files.filter((path) => path !== 'src/api/types.ts' && path !== 'scripts/lint.mjs').flatMap((path) => {
  const lines = readFileSync(path, 'utf8').split('\n');
  const found = lines.flatMap((line, at) =>
    RULES.filter(({ pattern, except, only }) => pattern.test(line) && !except?.test(path) && (only?.test(path) ?? true)).map(({ why }) => `${path}:${at + 1}: ${why}`));
  return lines.length > LINES_MAX ? [...found, `${path}: ${lines.length} lines, look for the second idea`] : found;
});

faults.forEach((fault) => console.error(fault));
process.exit(faults.length > 0 ? 1 : 0);
