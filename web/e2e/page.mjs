// The page as a person uses it, and the waits that make a flow a proof: conditions, never sleeps.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { api } from './engine.mjs';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const WAIT_MAX_MS = 30_000; // Long for a busy machine; a wait that succeeds costs nothing of it.

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });

/** A tab in a context of its own. Errors of the page and of its content policy are collected and fail the flow. */
export async function openTab(browser, engine, { token = true, viewport = { width: 1600, height: 1000 }, colorScheme = 'dark', prepare } = {}) {
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MAX_MS);
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(error.message));
  page.on('console', (message) => {
    // A refused or failed request is part of some flows; anything else that the browser complains about is a fault.
    if (message.type() === 'error' && !/Failed to load resource|WebSocket connection/.test(message.text())) page.faults.push(message.text());
  });
  await prepare?.(page);
  await page.goto(token ? `${engine.base}/#token=${engine.token}` : engine.base);
  await page.getByTestId('ladder').locator('.ladder-price').first().waitFor();
  await page.locator('[data-testid="link"][data-grade="good"]').waitFor();
  return page;
}

export const by = (page, id) => page.getByTestId(id);

/** Asks until the answer is truthy. */
export async function until(what, probe, maxMs = WAIT_MAX_MS) {
  const deadline = Date.now() + maxMs;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    assert.ok(Date.now() < deadline, `waited ${maxMs} ms for: ${what}`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

export async function symbolOf(page) {
  return by(page, 'symbol').locator('strong').textContent();
}

/** Fills the ticket in and waits for the verdict on it. */
export async function fillTicket(page, { side, type = 'limit', quantity, price }) {
  await by(page, `side-${side}`).click();
  await by(page, 'ticket').getByRole('button', { name: type === 'limit' ? 'Limit' : 'Market', exact: true }).click();
  if (type === 'limit') await by(page, 'ticket-price').fill(price);
  await by(page, 'ticket-quantity').fill(quantity);
  await by(page, 'verdict').waitFor();
}

/**
 * Presses the button and returns the engine's answer. A press in a moment in which the page holds its data for stale sends
 * nothing, as it should; then it is pressed again, as a person would.
 */
export async function submitTicket(page) {
  const isOrder = (request) => request.method() === 'POST' && request.url().endsWith('/api/v1/orders');
  const answered = page.waitForResponse((response) => isOrder(response.request()), { timeout: 2 * WAIT_MAX_MS });
  for (let sent = false; !sent; ) {
    const leaves = page.waitForRequest(isOrder, { timeout: 2_000 }).then(() => true, () => false);
    await by(page, 'ticket-submit').click();
    sent = await leaves;
  }
  const response = await answered;
  return { status: response.status(), body: await response.json() };
}

/** A limit order that rests: far enough from the touch not to trade, near enough for the price band. */
export async function restingOrder(engine, symbol, side = 'buy') {
  const { body: { instruments } } = await api(engine, 'GET', '/api/v1/instruments');
  const instrument = instruments.find((each) => each.symbol === symbol);
  const { body: book } = await api(engine, 'GET', `/api/v1/book/${symbol}?depth=1`);
  const touch = Number((side === 'buy' ? book.bids : book.asks)[0][0]);
  const quantity = quantityWorth(Math.max(50, Number(instrument.min_notional) * 3), touch, instrument);
  for (const distance of [0.02, 0.01, 0.005, 0.002]) {
    const price = onGrid(touch * (side === 'buy' ? 1 - distance : 1 + distance), instrument.tick_size);
    const order = { symbol, side, type: 'limit', quantity, price, time_in_force: 'GTC' };
    const { body: verdict } = await api(engine, 'POST', '/api/v1/orders:check', order);
    if (verdict.accepted) return order;
  }
  throw new Error('the risk gate accepts no resting order');
}

/** The smallest whole number of lots worth `notional`. */
export function quantityWorth(notional, price, { lot_size }) {
  return onGrid(Math.ceil(notional / price / Number(lot_size)) * Number(lot_size), lot_size);
}

function onGrid(value, step) {
  const decimals = step.split('.')[1]?.length ?? 0;
  return (Math.round(value / Number(step)) * Number(step)).toFixed(decimals);
}

export const openRow = (page, id) => by(page, 'open-orders').locator(`tr[data-id="${id}"]`);
