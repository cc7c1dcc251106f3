// Deployments and revisions, watched and steered from the page while a real platform switches its roles.
import assert from 'node:assert/strict';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadContract } from './contract.mjs';
import { api } from './engine.mjs';
import { violations } from './flows_look.mjs';
import { by, openTab, until } from './page.mjs';
import { BOB } from './platform.mjs';

const LONG_MS = 120_000; // Processes start, on a machine that does other things.

async function openDeployments(browser, platform, options) {
  const page = await openTab(browser, platform, options);
  page.setDefaultTimeout(LONG_MS);
  await page.locator('body').press('g');
  await page.keyboard.press('d');
  await by(page, 'tab-deployments').waitFor();
  return page;
}

const shownAs = (page, id, attribute, value) => page.locator(`[data-testid="deployment"][data-id="${id}"][data-${attribute}="${value}"]`).waitFor();
const atStep = (page, id, step) => shownAs(page, id, 'step', step);
const ended = (page, id, outcome) => shownAs(page, id, 'outcome', outcome);
const stepState = (page, name, state) => page.locator(`.steps li[data-state="${state}"]`).filter({ hasText: name }).first().waitFor();

async function act(page, verb, reason) {
  await page.locator(`[data-testid="act-${verb}"][aria-disabled="false"]`).click();
  await by(page, 'act-dialog').waitFor();
  assert.equal(await by(page, 'act-confirm').getAttribute('aria-disabled'), 'true', 'not without a reason');
  await by(page, 'act-reason').fill(reason);
  await by(page, 'act-confirm').click();
  await by(page, 'act-dialog').waitFor({ state: 'detached' });
}

/** While something is traded: `until` is done. */
async function trading(platform, until) {
  const stop = platform.trade();
  try {
    await until();
  } finally {
    await stop();
  }
}

/** Why a button cannot be pressed, as its description says. */
async function whyNot(page, verb) {
  const button = by(page, `act-${verb}`);
  assert.equal(await button.getAttribute('aria-disabled'), 'true');
  return button.getAttribute('title');
}

const WIDE = { width: 1440, height: 960 };
const PHONE = { width: 390, height: 844 };
/** States with everything on the page: enough to judge the light theme by. */
const LIGHT_TOO = new Set(['soaking', 'failed', 'revisions']);

/** A state while it lasts: nothing for axe to find, no sideways scroll on a phone; with a folder for them, pictures in both themes. */
async function look(page, pictures, name) {
  const found = [];
  const picture = (suffix, fullPage = false) => (pictures === null ? null : page.screenshot({ path: join(pictures, `deploy-${name}${suffix}.png`), fullPage }));
  await page.setViewportSize(WIDE);
  await picture('');
  found.push(...await violations(page, name));
  if (pictures !== null || LIGHT_TOO.has(name)) {
    await page.emulateMedia({ colorScheme: 'light' });
    await picture('-light');
    found.push(...await violations(page, `${name}, light`));
    await page.emulateMedia({ colorScheme: 'dark' });
  }
  await page.setViewportSize(PHONE);
  await picture('-phone', true);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name}: no sideways scroll on a phone`);
  await page.setViewportSize(WIDE);
  assert.deepEqual(found, []);
}

export const deployFlows = [
  {
    name: 'a deployment is watched from its start, approved by another, promoted with reasons and taken back',
    async run({ browser, platform, pictures }) {
      const page = await openDeployments(browser, platform);
      await page.getByText('Nothing was ever deployed here').waitFor();
      await by(page, 'roles-now').getByText('execution').first().waitFor();
      // The market alone gives nothing to compare that often: it shadows until somebody trades.
      const id = await platform.deploy('one', 'tighter limits, CHG-42', { approvals: 1, shadow_outputs: 400, hold_max_ms: 300_000, switch_s: 600 });
      await atStep(page, id, 'shadow');
      await stepState(page, 'shadow', 'running');
      await by(page, 'lanes').getByText('follows').first().waitFor();
      await page.getByText('tighter limits, CHG-42').first().waitFor();
      assert.match(await whyNot(page, 'promote'), /nothing waits for a person; it is at: shadow/);
      assert.match(await whyNot(page, 'rollback'), /nothing is switched yet/);
      await look(page, pictures, 'shadowing');

      await trading(platform, () => by(page, 'question').getByText('0 of 1 approvals').waitFor());
      assert.match(await whyNot(page, 'approve'), /who began a deployment cannot approve it/);
      await look(page, pictures, 'waiting-for-approval');

      // A green that stands still when it is to lead: the moment in which nobody does, long enough to look at.
      const green = await platform.beside('execution');
      process.kill(green, 'SIGSTOP');
      try {
        const second = await openDeployments(browser, { base: platform.base, token: BOB });
        await act(second, 'approve', 'limits are as agreed');
        await second.context().close();
        await atStep(page, id, 'switch execution');
        await by(page, 'now').getByText('closed; the other opens').waitFor();
        await look(page, pictures, 'switching');
      } finally {
        process.kill(green, 'SIGCONT');
      }
      await atStep(page, id, 'soak');
      await by(page, 'lanes').getByText('nobody led for').first().waitFor();
      await trading(platform, async () => {
        const requests = by(page, 'soak').locator('tr').filter({ hasText: 'Requests' }).locator('td').first();
        await until('requests to be counted', async () => Number((await requests.textContent()).replace(/\D/g, '')) > 20, LONG_MS);
        await by(page, 'soak').getByText('Outputs that both sides agree on').waitFor();
        await look(page, pictures, 'soaking');
      });

      await act(page, 'promote', 'seen enough of it');
      await atStep(page, id, 'warm');
      const clock = () => by(page, 'countdown').locator('.clock-left').textContent();
      const first = await clock();
      assert.match(first, /^\d+ min \d\d s$/);
      await until('the window to get shorter', async () => (await clock()) !== first);
      await look(page, pictures, 'standby');
      await act(page, 'promote', 'no need to keep the old one');
      await ended(page, id, 'committed');
      await by(page, 'deployments').locator(`tr[data-id="${id}"]`).getByText('done').waitFor();
      assert.match(await whyNot(page, 'abort'), new RegExp(`deployment ${id} is over: committed`));
      await look(page, pictures, 'done');

      await act(page, 'rollback', 'fills look odd');
      const again = await until('its rollback', async () => { const { rolls_back, id: newest } = await platform.deployment(); return rolls_back === id && newest; });
      await atStep(page, again, 'soak');
      await act(page, 'promote', 'it is as before');
      await atStep(page, again, 'warm');
      await act(page, 'promote', 'done with it');
      await ended(page, again, 'committed');
      const back = await platform.deployment(again);
      assert.deepEqual([back.rolls_back, back.release, back.reason], [id, '', 'fills look odd']);
      await look(page, pictures, 'rolled-back');
      // And the page of the first one is still there, by its number.
      await by(page, 'deployments').locator(`tr[data-id="${id}"]`).click();
      await page.getByText(`Deployment ${id}: release one`).waitFor();
      const { records } = await platform.deployment(id);
      const said = records.filter(({ verb }) => verb === 'promote' || verb === 'approve').map(({ verb, actor, text }) => `${verb} ${actor === 'bob' ? 'bob' : 'owner'} ${text}`);
      assert.deepEqual(said, ['approve bob limits are as agreed', 'promote owner seen enough of it', 'promote owner no need to keep the old one']);
      await page.context().close();
      assert.deepEqual(page.faults, []);
    },
  },
  {
    name: 'a deployment is aborted in its soak and says who wanted that',
    async run({ browser, platform, pictures }) {
      const page = await openDeployments(browser, platform);
      const id = await platform.deploy('one', 'second try', {});
      await atStep(page, id, 'soak');
      await act(page, 'abort', 'not today');
      await ended(page, id, 'rolled_back');
      await stepState(page, 'soak', 'aborted');
      await by(page, 'steps-back').getByText('back: execution').waitFor();
      await by(page, 'failure').getByText('asked for it: not today').waitFor();
      await look(page, pictures, 'aborted');
      assert.equal((await platform.deployment(id)).outcome, 'rolled_back');
      assert.match(await whyNot(page, 'rollback'), /nothing to take back/);
      await page.context().close();
      assert.deepEqual(page.faults, []);
    },
  },
  {
    name: 'a build that computes something else fails with the first difference and never leads',
    async run({ browser, platform, pictures }) {
      if (!await platform.hasFailPoints()) return; // A release computes what it should.
      const page = await openDeployments(browser, platform);
      await trading(platform, async () => {
        const id = await platform.deploy('other', 'a build that is wrong', { shadow_outputs: 1_000_000 });
        await ended(page, id, 'rolled_back');
      });
      await stepState(page, 'shadow', 'failed');
      await by(page, 'failure').getByText('computes something else from record').waitFor();
      await by(page, 'failure').getByText('recorded', { exact: true }).waitFor();
      await look(page, pictures, 'failed');
      await page.context().close();
      assert.deepEqual(page.faults, []);
    },
  },
  {
    name: 'revisions, what they mean, drift and the audit',
    async run({ browser, platform, pictures }) {
      const change = (words) => platform.stoa(['config', ...words]);
      await change(['set', 'dev', 'limits', 'limits.max_order_rate=500', '--reason', 'quieter market']);
      const page = await openDeployments(browser, platform);
      await by(page, 'tab-revisions').click();
      await by(page, 'space-dev').click();
      await by(page, 'revisions').getByText('quieter market').waitFor();
      await by(page, 'diff-words').getByText('restarts execution').waitFor();
      await by(page, 'diff').getByText('limits.max_order_rate').waitFor();
      await by(page, 'units').getByText('limits', { exact: true }).waitFor();
      await by(page, 'diff-from').selectOption({ index: 2 });
      await by(page, 'diff').getByText('dev@1 against dev@2').waitFor();
      await look(page, pictures, 'revisions');

      // Both sides change one path: a conflict, until somebody decides.
      await change(['promote', 'dev', 'staging', '--reason', 'to staging']);
      await change(['set', 'staging', 'limits', 'limits.max_order_rate=450', '--reason', 'ours']);
      await change(['set', 'dev', 'limits', 'limits.max_order_rate=600', '--reason', 'theirs']);
      await change(['promote', 'dev', 'staging', '--reason', 'again']).catch(() => {}); // ends with 5
      await by(page, 'space-staging').click();
      await by(page, 'conflicts').getByText('450').waitFor();
      await by(page, 'conflicts').getByText('600').waitFor();
      await look(page, pictures, 'conflict');

      await by(page, 'tab-drift').click();
      await by(page, 'drift-space').selectOption('dev');
      await page.getByText('Nothing of dev was applied yet').waitFor();
      // A space of the environment that runs here, with what this platform was started with.
      await change(['space', 'create', 'lab', '--upstream', 'dev', '--environment', 'testing', '--reason', 'to apply']);
      await change(['set', 'lab', 'gateway', 'gateway.port=8080', '--reason', 'as it runs']);
      await change(['apply', 'lab', '--reason', 'try it']);
      await by(page, 'drift-space').selectOption('lab');
      await page.locator('[data-testid="drift"][data-in-sync="true"]').getByText('everything runs with it').waitFor();
      await by(page, 'drift-instances').getByText('execution', { exact: true }).waitFor();
      await appendFile(join(platform.data, 'config', 'current'), '\n[wal]\nsync = "never"\n');
      await by(page, 'drift-findings').getByText(/wal\.sync is .*wanted is not set/).waitFor();
      await look(page, pictures, 'drift');

      await by(page, 'tab-audit').click();
      await by(page, 'audit-verification').getByText('The log is whole').waitFor();
      await by(page, 'audit-text').fill('quieter');
      await until('one record', async () => (await by(page, 'audit').locator('tbody tr:not(.spacer)').count()) === 1);
      await look(page, pictures, 'audit');
      await by(page, 'audit-text').fill('nothing says this');
      await page.getByText('No record').waitFor();
      await page.context().close();
      assert.deepEqual(page.faults, []);
    },
  },
  {
    name: 'the hub’s answers are what the OpenAPI document says, and a hub that is away is said',
    async run({ browser, platform }) {
      const contract = await loadContract();
      const reads = Object.entries(contract.document.paths).filter(([, { get }]) => get?.tags?.includes('hub')).map(([path]) => path);
      assert.ok(reads.length >= 9);
      const faults = [];
      for (const path of reads) {
        const query = path.endsWith('/diff') ? '?from=staging@1&to=staging' : path.endsWith('/drift') ? '?space=dev' : '';
        const url = path.replace('{id}', 'newest').replace('{space}', 'staging') + query;
        const { status, type, body } = await api(platform, 'GET', url);
        if (status !== 200) faults.push(`${url}: ${status} ${JSON.stringify(body).slice(0, 200)}`);
        else faults.push(...contract.replyFaults(path, type, body, url));
      }
      assert.deepEqual(faults.slice(0, 20), []);

      const page = await openDeployments(browser, platform);
      await by(page, 'deployment').waitFor();
      const hub = await platform.placed('hub');
      process.kill(hub, 'SIGSTOP');
      try {
        await by(page, 'asked-problem').getByText('hub_away').first().waitFor();
        await page.locator('#operate[data-stale="true"]').waitFor();
      } finally {
        process.kill(hub, 'SIGCONT');
      }
      await by(page, 'asked-problem').waitFor({ state: 'detached' });
      await page.context().close();
    },
  },
];
