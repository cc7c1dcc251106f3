// The engine against the OpenAPI document, without the page in between.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { loadContract } from './contract.mjs';
import { api } from './engine.mjs';
import { until } from './page.mjs';

export const contractFlows = [
  {
    name: 'every read answers as the OpenAPI document says, and the document is served',
    async run({ engine }) {
      const contract = await loadContract();
      const { body: { instruments: [{ symbol }] } } = await api(engine, 'GET', '/api/v1/instruments');
      const { body: { orders } } = await api(engine, 'GET', '/api/v1/orders?status=all&limit=1');
      const ids = { symbol, client_order_id: orders[0]?.client_order_id };
      const reads = Object.keys(contract.document.paths).filter((path) => contract.document.paths[path].get && path !== '/metrics' && !contract.document.paths[path].get.tags?.includes('hub'));
      const faults = [];
      for (const path of reads) {
        const url = path.replace(/\{(\w+)\}/g, (_, name) => ids[name]) + (path.includes('candles') ? '?interval=1m' : '');
        const { status, type, body } = await api(engine, 'GET', url);
        if (status !== 200) faults.push(`${url}: ${status} ${JSON.stringify(body).slice(0, 200)}`);
        else faults.push(...contract.replyFaults(path, type, body, url));
      }
      const served = await api(engine, 'GET', '/openapi.json');
      if (served.body.openapi !== contract.document.openapi) faults.push('/openapi.json is not the document');
      assert.deepEqual(faults.slice(0, 20), []);
    },
  },
  {
    name: 'every channel sends a snapshot and deltas in sequence, as documented',
    async run({ engine }) {
      const contract = await loadContract();
      const { body: { instruments: [{ symbol }] } } = await api(engine, 'GET', '/api/v1/instruments');
      const channels = Object.keys(contract.document['x-channels']).map((pattern) => pattern.replace('{symbol}', symbol).replace('{interval}', '1s'));
      const seqs = new Map();
      const moved = new Set();
      const faults = [];
      const socket = new WebSocket(`${engine.base.replace('http', 'ws')}/ws/v1`, { origin: engine.base });
      socket.on('message', (text) => {
        const frame = JSON.parse(text);
        if (!frame.channel) return faults.push(...(frame.op === 'pong' ? [] : [`unexpected ${text}`]));
        if (frame.type === 'delta' && frame.prev_seq !== seqs.get(frame.channel)) faults.push(`${frame.channel}: ${frame.prev_seq} after ${seqs.get(frame.channel)}`);
        if (frame.type === 'delta') moved.add(frame.channel);
        seqs.set(frame.channel, frame.seq);
        faults.push(...contract.faults(frame.data, contract.channel(frame.channel, frame.type), `${frame.channel} ${frame.type}`));
      });
      await new Promise((resolve, reject) => { socket.once('open', resolve); socket.once('error', reject); });
      socket.send(JSON.stringify({ op: 'subscribe', channels }));
      await until('a snapshot of every channel', () => seqs.size === channels.length);
      // Fills and orders move only when somebody trades; the market and health always do.
      await until('deltas of the market and of health', () => ['book', 'candles', 'health'].every((kind) => [...moved].some((name) => name.startsWith(kind))));
      socket.close();
      assert.deepEqual(faults.slice(0, 20), []);
    },
  },
  {
    name: 'the page comes with a content policy that allows nothing foreign',
    async run({ engine }) {
      const response = await fetch(engine.base);
      const policy = response.headers.get('content-security-policy') ?? '';
      assert.match(policy, /default-src 'self'/);
      assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|https?:/);
      assert.doesNotMatch(await response.text(), /\sstyle=|<script(?![^>]*\ssrc=)|<style/);
    },
  },
];
