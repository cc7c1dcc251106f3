// End-to-end flows in a real browser against a real engine.
//   STOA_BIN=path npm run e2e                             starts an engine of its own on a temporary folder
//   npm run e2e -- --url http://127.0.0.1:PORT/#token=…   uses a running one; the restart flow is skipped
//   npm run e2e -- --only deploy                          the flows of deployments, on a platform of their own (`stoa up`)
//   npm run e2e -- --only deploy --pictures               the same, with each state in both themes and on a phone as a picture
//   --out DIR   where screenshots go (default e2e/out)    --only TEXT   flows whose name contains it
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { GivenEngine, OwnEngine } from './engine.mjs';
import { contractFlows } from './flows_contract.mjs';
import { deployFlows } from './flows_deploy.mjs';
import { lookFlows } from './flows_look.mjs';
import { operateFlows } from './flows_operate.mjs';
import { tradeFlows } from './flows_trade.mjs';
import { launch, openTab } from './page.mjs';
import { Platform } from './platform.mjs';

const { values: { url, out, only, pictures } } = parseArgs({
  options: { url: { type: 'string' }, out: { type: 'string', default: fileURLToPath(new URL('out', import.meta.url)) }, only: { type: 'string', default: '' }, pictures: { type: 'boolean', default: false } },
});
const program = process.env.STOA_BIN ?? process.env.STOA_PROGRAM; // ./dev sets the second.
if (!url && !program) {
  console.error('say --url http://127.0.0.1:PORT/#token=… or set STOA_BIN to the program');
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130)); // So that exit handlers run.
await mkdir(out, { recursive: true });
const engine = url ? new GivenEngine(url) : new OwnEngine(program);
const named = ({ name }) => name.includes(only);
const browser = await launch();
let failed = 0;

async function runFlow(flow, openFirst, world) {
  const startedMs = Date.now();
  let page = null;
  try {
    page = await openFirst();
    await flow.run({ page, browser, out, ...world });
    if (page?.faults.length > 0) throw new Error(`the page complained:\n${page.faults.join('\n')}`);
    console.log(`ok    ${flow.name} (${Date.now() - startedMs} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${flow.name}\n${error.stack ?? error}`);
    const left = page ?? browser.contexts().at(-1)?.pages().at(-1);
    await left?.screenshot({ path: join(out, `failed-${failed}.png`) }).catch(() => {});
  }
  await Promise.all(browser.contexts().map((context) => context.close()));
}

const engineFlows = [...tradeFlows, ...operateFlows, ...contractFlows, ...lookFlows].filter(named);
if (engineFlows.length > 0) await engine.start();
for (const flow of engineFlows) {
  if (flow.needsOwnEngine && url) console.log(`skip  ${flow.name}: needs STOA_BIN`);
  else await runFlow(flow, () => openTab(browser, engine), { engine });
}
if (engineFlows.length > 0) await engine.stop();

const platformFlows = url ? [] : deployFlows.filter((flow) => named(flow) || only === 'deploy');
if (platformFlows.length > 0) {
  const platform = new Platform(program);
  try {
    await platform.start();
    for (const flow of platformFlows) await runFlow(flow, async () => null, { platform, pictures: pictures ? out : null });
  } finally {
    await platform.stop();
  }
}

await browser.close();
console.log(failed === 0 ? 'all flows passed' : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
