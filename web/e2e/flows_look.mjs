// How the page is for eyes and for assistive technology.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { by, openTab } from './page.mjs';

const SIZES = [[1600, 1000], [1280, 800], [390, 844]];

export async function violations(page, where) {
  const axe = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
  await page.evaluate(axe); // Through the debugger: the content policy keeps it out of the page itself.
  const { violations: found, passes } = await page.evaluate(() => window.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }));
  assert.ok(passes.some(({ id }) => id === 'color-contrast'), 'axe looked at colours');
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${where}: ${id} at ${target}: ${failureSummary.split('\n')[1]}`));
}

export const lookFlows = [
  {
    name: 'axe finds nothing serious, in both themes, both palettes, in dialogs and on a phone',
    async run({ browser, engine }) {
      const found = [];
      for (const colorScheme of ['dark', 'light']) {
        for (const palette of ['green-red', 'blue-orange']) {
          const page = await openTab(browser, engine, { colorScheme, prepare: (tab) => tab.addInitScript((value) => localStorage.setItem('stoa.palette', value), palette) });
          found.push(...await violations(page, `${colorScheme} ${palette}`));
          for (const tab of palette === 'green-red' ? ['fills', 'positions', 'history', 'health'] : []) {
            await by(page, `tab-${tab}`).click();
            found.push(...await violations(page, `${colorScheme} ${palette} ${tab}`));
          }
          await by(page, 'kill').click();
          await by(page, 'kill-dialog').waitFor();
          found.push(...await violations(page, `${colorScheme} ${palette} kill dialog`));
          await page.keyboard.press('Escape');
          await page.context().close();
        }
      }
      const phone = await openTab(browser, engine, { viewport: { width: 360, height: 780 } });
      found.push(...await violations(phone, 'phone'));
      assert.deepEqual(await phone.evaluate(() => document.documentElement.scrollWidth), 360, 'no sideways scroll at 360 px');
      await phone.context().close();
      assert.deepEqual(found, []);
    },
  },
  {
    name: 'screenshots',
    async run({ browser, engine, out }) {
      for (const [width, height] of SIZES) {
        const page = await openTab(browser, engine, { viewport: { width, height } });
        await page.locator('.ohlc dd').first().waitFor();
        await page.screenshot({ path: join(out, `trade-${width}x${height}.png`), fullPage: width < 760 });
        await page.context().close();
      }
      const light = await openTab(browser, engine, { colorScheme: 'light' });
      await light.locator('.ohlc dd').first().waitFor();
      await light.screenshot({ path: join(out, 'trade-light-1600x1000.png') });
      await by(light, 'tab-history').click();
      const closed = by(light, 'order-history').locator('tbody tr:not(.spacer)').first();
      if (await closed.isVisible()) {
        await closed.click();
        await by(light, 'story').locator('.step').first().waitFor();
        await light.screenshot({ path: join(out, 'story-light-1600x1000.png') });
      }
      await light.context().close();
    },
  },
];
