// Kill switch, strategies, keys, read-only, gaps and restarts.
import assert from 'node:assert/strict';
import { api } from './engine.mjs';
import { by, fillTicket, openRow, openTab, restingOrder, submitTicket, symbolOf, until } from './page.mjs';

export const operateFlows = [
  {
    name: 'the kill switch needs a reason, cancels, refuses, and resumes with reason and name',
    async run({ page, engine }) {
      const order = await restingOrder(engine, await symbolOf(page));
      await fillTicket(page, order);
      const { body: resting } = await submitTicket(page);
      await by(page, 'tab-open').click();
      await openRow(page, resting.client_order_id).waitFor();

      await by(page, 'kill').click();
      const dialog = by(page, 'kill-dialog');
      await dialog.getByText(/Cancels \d+ open/).waitFor();
      assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Cancel', 'Cancel has the focus');
      assert.equal(await by(page, 'confirm-kill').getAttribute('aria-disabled'), 'true', 'no reason, no kill');
      await by(page, 'kill-reason').fill('end-to-end test');
      await by(page, 'confirm-kill').click();
      await dialog.waitFor({ state: 'detached' });
      await by(page, 'kill-banner').getByText('end-to-end test').waitFor();
      await openRow(page, resting.client_order_id).waitFor({ state: 'detached' });
      await page.locator('[data-testid="ticket-submit"][aria-disabled="true"]').waitFor();
      assert.match(await by(page, 'ticket-reason').textContent(), /Kill switch/);
      const refused = await api(engine, 'POST', '/api/v1/orders', order);
      assert.deepEqual([refused.status, refused.body.code], [422, 'KillSwitch']);

      await by(page, 'open-resume').click();
      await by(page, 'resume-reason').fill('test over');
      assert.equal(await by(page, 'confirm-resume').getAttribute('aria-disabled'), 'true', 'no name, no resume');
      await by(page, 'resume-actor').fill('e2e');
      await by(page, 'confirm-resume').click();
      await by(page, 'kill-banner').waitFor({ state: 'detached' });
      await fillTicket(page, order);
      await page.locator('[data-testid="ticket-submit"][aria-disabled="false"]').waitFor();
    },
  },
  {
    name: 'a strategy stops, starts, and takes a parameter after its difference was shown',
    async run({ page, engine }) {
      const { body: { strategies } } = await api(engine, 'GET', '/api/v1/strategies');
      assert.ok(strategies.length > 0, 'the engine runs at least one strategy');
      const { name, state } = strategies[0];
      const card = by(page, `strategy-${name}`);
      const toggles = state === 'running' ? ['stop', 'start'] : ['start', 'stop'];
      for (const toggle of toggles) {
        await card.getByTestId(toggle).click();
        await card.locator(`[data-testid="${toggle === 'stop' ? 'start' : 'stop'}"]`).waitFor();
      }
      await card.getByTestId('edit-params').click();
      const input = by(page, 'params').locator('input').first();
      const before = await input.inputValue();
      await input.fill(before.includes('.') ? `${before}1` : String(Number(before) + 1));
      await by(page, 'diff').locator('del', { hasText: before }).waitFor();
      await by(page, 'apply-params').click();
      await by(page, 'params').waitFor({ state: 'detached' });
      const { body: after } = await api(engine, 'GET', '/api/v1/strategies');
      assert.notDeepEqual(after.strategies.find((each) => each.name === name).params, strategies[0].params);
      await api(engine, 'PUT', `/api/v1/strategies/${name}/params`, strategies[0].params);
    },
  },
  {
    name: 'the keyboard switches symbols, shows help, prefills and never trades by a letter',
    async run({ page, engine }) {
      const { body: { instruments } } = await api(engine, 'GET', '/api/v1/instruments');
      const first = await symbolOf(page);
      const other = instruments.find(({ symbol }) => symbol !== first);
      const switchTo = async (symbol) => {
        await page.keyboard.press('/');
        await by(page, 'symbol-search').getByRole('combobox').fill(symbol);
        await page.keyboard.press('Enter');
        await by(page, 'symbol').getByText(symbol).waitFor();
        await by(page, 'ladder').locator('.ladder-price').first().waitFor();
      };
      await page.locator('#chart').focus();
      if (other) { await switchTo(other.symbol); await switchTo(first); }
      await page.keyboard.press('?');
      await by(page, 'help').waitFor();
      await page.keyboard.press('Escape');
      await by(page, 'help').waitFor({ state: 'detached' });

      const posts = [];
      page.on('request', (request) => { if (request.method() !== 'GET' && !request.url().endsWith(':check')) posts.push(request.url()); });
      await page.locator('#chart').focus();
      for (const letter of 'abcdefhijklmnopqrstuvwxyz') await page.keyboard.press(letter);
      await page.keyboard.press('Shift+S');
      await page.locator('[data-testid="ticket"][data-side="sell"]').waitFor();
      assert.deepEqual(posts, []);
    },
  },
  {
    name: 'a single process says that it has no hub, and the keyboard goes there and back',
    async run({ page }) {
      for (const [key, tab] of [['d', 'deployments'], ['c', 'revisions'], ['v', 'drift'], ['a', 'audit']]) {
        await page.keyboard.press('g');
        await page.keyboard.press(key);
        await page.locator(`[data-testid="tab-${tab}"][aria-selected="true"]`).waitFor();
        await by(page, 'no-hub').first().getByText('stoa up').waitFor();
      }
      await page.keyboard.press('g');
      await page.keyboard.press('t');
      await page.locator('[data-testid="ticket-quantity"]:focus').waitFor();
      await page.goBack();
      await by(page, 'tab-audit').waitFor();
      await by(page, 'to-trade').click();
      await by(page, 'ladder').locator('.ladder-price').first().waitFor();
    },
  },
  {
    name: 'without a token everything can be read, nothing pressed, and a pasted token opens it',
    async run({ browser, engine }) {
      const page = await openTab(browser, engine, { token: false });
      await by(page, 'token-banner').waitFor();
      assert.equal(await by(page, 'kill').getAttribute('title'), 'Read-only: no token');
      await by(page, 'token-input').fill(`${engine.base}/#token=${engine.token}`);
      await page.keyboard.press('Enter');
      await by(page, 'token-banner').waitFor({ state: 'detached' });
      assert.equal(await by(page, 'kill').getAttribute('aria-disabled'), 'false');
      await page.context().close();
    },
  },
  {
    name: 'a lost delta is noticed and healed by a new snapshot',
    async run({ browser, engine }) {
      let dropped = 0;
      const prepare = (page) => page.routeWebSocket(/\/ws\/v1$/, (socket) => {
        const server = socket.connectToServer();
        server.onMessage((message) => {
          const isVictim = dropped === 0 && /"channel":\s*"book\./.test(message) && /"type":\s*"delta"/.test(message);
          if (isVictim) dropped += 1;
          else socket.send(message);
        });
      });
      const page = await openTab(browser, engine, { prepare });
      await until('a delta to be dropped', () => dropped === 1);
      await by(page, 'tab-health').click();
      await page.getByText('Gaps / reconnects').locator('xpath=following-sibling::dd').filter({ hasText: '1 / 0' }).waitFor();
      const before = await by(page, 'ladder').innerText();
      await until('the book to move on', async () => (await by(page, 'ladder').innerText()) !== before);
      assert.deepEqual(page.faults, []);
      await page.context().close();
    },
  },
  {
    name: 'the engine is killed and started again under the open page, which finds the same orders',
    needsOwnEngine: true,
    async run({ page, engine }) {
      const order = await restingOrder(engine, await symbolOf(page));
      await fillTicket(page, order);
      const { body: { client_order_id: id } } = await submitTicket(page);
      await by(page, 'tab-open').click();
      await openRow(page, id).waitFor();
      const { body: before } = await api(engine, 'GET', `/api/v1/orders/${id}`);
      await engine.kill();
      await by(page, 'offline-banner').waitFor();
      await page.locator('[data-testid="kill"][aria-disabled="true"]').waitFor();
      await engine.start();
      await by(page, 'offline-banner').waitFor({ state: 'detached' });
      await page.locator('[data-testid="link"][data-grade="good"]').waitFor();
      const { body: after } = await api(engine, 'GET', `/api/v1/orders/${id}`);
      assert.deepEqual([after.price, after.quantity, after.created_ns], [before.price, before.quantity, before.created_ns]);
      // The venue lives in the killed process: the order is open again or was cancelled with it; page and API agree.
      const isOpen = !['canceled', 'filled', 'rejected', 'expired'].includes(after.status);
      await openRow(page, id).waitFor({ state: isOpen ? 'visible' : 'detached' });
      if (isOpen) await api(engine, 'DELETE', `/api/v1/orders/${id}`);
    },
  },
];
