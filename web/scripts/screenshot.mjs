// The README's picture: the page of a running engine, dark, with enough candles to read.
//   node scripts/screenshot.mjs 'http://127.0.0.1:PORT/#token=…' ../docs/images/trade.png
// Let the engine trade for a minute first.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { launch } from '../e2e/page.mjs';

const [url, out] = process.argv.slice(2);
if (!url || !out) {
  console.error("usage: node scripts/screenshot.mjs 'http://127.0.0.1:PORT/#token=…' FILE.png");
  process.exit(2);
}
await mkdir(dirname(out), { recursive: true });
const browser = await launch();
const page = await browser.newPage({ viewport: { width: 1600, height: 1000 }, colorScheme: 'dark', reducedMotion: 'reduce' });
page.setDefaultTimeout(120_000); // A busy machine draws slowly.
await page.goto(url);
await page.getByTestId('ladder').locator('.ladder-price').first().waitFor();
await page.getByRole('button', { name: '1s', exact: true }).dispatchEvent('click');
await page.locator('.ohlc dd').first().waitFor();
await page.getByTestId('side-buy').dispatchEvent('click');
await page.getByRole('button', { name: 'Bid', exact: true }).dispatchEvent('click');
await page.getByRole('button', { name: '1k', exact: true }).dispatchEvent('click');
await page.getByTestId('verdict').waitFor();
await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
await page.screenshot({ path: out });
await browser.close();
console.log(out);
