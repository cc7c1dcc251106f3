// Placing, replacing, cancelling and filling, each seen on the page and asked of the API.
import assert from 'node:assert/strict';
import { api } from './engine.mjs';
import { by, fillTicket, openRow, openTab, quantityWorth, restingOrder, submitTicket, symbolOf, until } from './page.mjs';

async function placeResting(page, engine) {
  const order = await restingOrder(engine, await symbolOf(page));
  await fillTicket(page, order);
  await page.locator('[data-testid="verdict"][data-accepted="true"]').waitFor();
  const { status, body } = await submitTicket(page);
  assert.equal(status, 201, JSON.stringify(body));
  await by(page, 'tab-open').click();
  await openRow(page, body.client_order_id).waitFor();
  return body.client_order_id;
}

export const tradeFlows = [
  {
    name: 'the page loads and moves',
    async run({ page }) {
      const ladder = by(page, 'ladder');
      const before = await ladder.innerText();
      await until('the book to change', async () => (await ladder.innerText()) !== before);
      await page.locator('.ohlc dd').first().waitFor();
      await by(page, 'last-price').waitFor();
      assert.equal(await by(page, 'mode').locator('strong').textContent(), 'PAPER');
      assert.ok(!page.url().includes('token='), 'the token stays out of the address');
    },
  },
  {
    name: 'a limit order far from the touch rests, shows in two tabs, and is cancelled in both',
    async run({ page, browser, engine }) {
      const second = await openTab(browser, engine);
      const id = await placeResting(page, engine);
      assert.match(id, /^w-/, 'the page makes the client_order_id');
      await openRow(second, id).waitFor();
      await openRow(page, id).getByTestId('cancel').click();
      await openRow(page, id).waitFor({ state: 'detached' });
      await openRow(second, id).waitFor({ state: 'detached' });
      assert.equal((await api(engine, 'GET', `/api/v1/orders/${id}`)).body.status, 'canceled');
      await second.context().close();
    },
  },
  {
    name: 'an order is replaced in its row',
    async run({ page, engine }) {
      const id = await placeResting(page, engine);
      const { body: before } = await api(engine, 'GET', `/api/v1/orders/${id}`);
      await openRow(page, id).getByTestId('replace').click();
      const doubled = String(Number((Number(before.quantity) * 2).toFixed(8)));
      await by(page, 'replace-quantity').fill(doubled);
      await by(page, 'apply-replace').click();
      await by(page, 'apply-replace').waitFor({ state: 'detached' });
      const { body: after } = await api(engine, 'GET', `/api/v1/orders/${id}`);
      assert.equal(Number(after.quantity), Number(doubled));
      await openRow(page, id).getByTestId('cancel').click();
      await openRow(page, id).waitFor({ state: 'detached' });
    },
  },
  {
    name: 'a marketable order fills; fill, position and story are shown',
    async run({ page, engine }) {
      const symbol = await symbolOf(page);
      const { body: { instruments } } = await api(engine, 'GET', '/api/v1/instruments');
      const instrument = instruments.find((each) => each.symbol === symbol);
      const { body: book } = await api(engine, 'GET', `/api/v1/book/${symbol}?depth=1`);
      await fillTicket(page, { side: 'buy', type: 'market', quantity: quantityWorth(200, Number(book.asks[0][0]), instrument) });
      const { status, body: order } = await submitTicket(page);
      assert.equal(status, 201, JSON.stringify(order));
      const fills = await until('a fill', async () => {
        const { body } = await api(engine, 'GET', `/api/v1/fills?client_order_id=${order.client_order_id}`);
        return body.fills.length > 0 && body.fills;
      });
      await by(page, 'tab-fills').click();
      await by(page, 'fills').locator(`tr[data-id="${fills[0].exec_id}"]`).click();
      const story = by(page, 'story');
      await story.locator('.step').nth(3).waitFor();
      await story.locator('.check-table tbody tr').first().waitFor();
      await story.locator('.step-fill').first().waitFor();
      await page.keyboard.press('Escape');
      await story.waitFor({ state: 'detached' });
      await by(page, 'tab-positions').click();
      await by(page, 'positions').locator(`tr[data-id="${symbol}"]`).waitFor();
    },
  },
  {
    name: 'what risk would refuse cannot be pressed, with the reason',
    async run({ page, engine }) {
      const order = await restingOrder(engine, await symbolOf(page));
      await fillTicket(page, { ...order, price: String(Math.round(Number(order.price) * 3)) });
      await page.locator('[data-testid="verdict"][data-accepted="false"]').waitFor();
      await page.locator('[data-testid="ticket-submit"][aria-disabled="true"]').waitFor();
      assert.match(await by(page, 'ticket-reason').textContent(), /Risk refuses/);
    },
  },
  {
    name: 'a lost reply is asked about and never sent twice',
    async run({ page, engine }) {
      const order = await restingOrder(engine, await symbolOf(page));
      let sent = 0;
      let id = null;
      await page.route('**/api/v1/orders', async (route) => {
        if (route.request().method() !== 'POST') return route.continue();
        sent += 1;
        id = route.request().postDataJSON().client_order_id;
        await route.fetch(); // The engine gets it; the page never hears.
        return route.abort();
      });
      await fillTicket(page, order);
      await page.locator('[data-testid="ticket-submit"][aria-disabled="false"]').click();
      await by(page, 'notices').getByText('outcome unknown').waitFor();
      await by(page, 'notices').locator('.notice-done').last().waitFor();
      await page.unroute('**/api/v1/orders');
      assert.equal(sent, 1);
      await by(page, 'tab-open').click();
      await openRow(page, id).getByTestId('cancel').click();
      await openRow(page, id).waitFor({ state: 'detached' });
    },
  },
];
