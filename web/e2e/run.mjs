// End-to-end flows in a real browser against a real engine.
//   STOA_BIN=path npm run e2e                             starts an engine of its own on a temporary folder
//   npm run e2e -- --url http://127.0.0.1:PORT/#token=…   uses a running one; the restart flow is skipped
//   --out DIR   where screenshots go (default e2e/out)    --only TEXT   flows whose name contains it
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { GivenEngine, OwnEngine } from './engine.mjs';
import { contractFlows } from './flows_contract.mjs';
import { lookFlows } from './flows_look.mjs';
import { operateFlows } from './flows_operate.mjs';
import { tradeFlows } from './flows_trade.mjs';
import { launch, openTab } from './page.mjs';

const { values: { url, out, only } } = parseArgs({
  options: { url: { type: 'string' }, out: { type: 'string', default: fileURLToPath(new URL('out', import.meta.url)) }, only: { type: 'string', default: '' } },
});
const program = process.env.STOA_BIN ?? process.env.STOA_PROGRAM; // ./dev sets the second.
if (!url && !program) {
  console.error('say --url http://127.0.0.1:PORT/#token=… or set STOA_BIN to the program');
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130)); // So that exit handlers run.
await mkdir(out, { recursive: true });
const engine = url ? new GivenEngine(url) : new OwnEngine(program);
await engine.start();
const browser = await launch();

let failed = 0;
for (const flow of [...tradeFlows, ...operateFlows, ...contractFlows, ...lookFlows].filter(({ name }) => name.includes(only))) {
  if (flow.needsOwnEngine && url) {
    console.log(`skip  ${flow.name}: needs STOA_BIN`);
    continue;
  }
  const startedMs = Date.now();
  let page = null;
  try {
    page = await openTab(browser, engine);
    await flow.run({ page, browser, engine, out });
    if (page.faults.length > 0) throw new Error(`the page complained:\n${page.faults.join('\n')}`);
    console.log(`ok    ${flow.name} (${Date.now() - startedMs} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${flow.name}\n${error.stack ?? error}`);
    await page?.screenshot({ path: join(out, `failed-${failed}.png`) }).catch(() => {});
  }
  await page?.context().close();
}

await browser.close();
await engine.stop();
console.log(failed === 0 ? 'all flows passed' : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
