// The engine under test: one that runs already (--url) or our own, started from STOA_BIN on a temporary folder.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const URL_LINE = /http:\/\/[^\s:]+:(\d+)\/#token=(\S+)/;
const START_MAX_MS = 20_000;

/** An engine of our own; it can be killed and started again on the same port and data. */
export class OwnEngine {
  constructor(binary) {
    this.binary = binary;
    this.port = 0;
    this.child = null;
  }

  async start() {
    this.data ??= await mkdtemp(join(tmpdir(), 'stoa-e2e-'));
    this.child = spawn(this.binary, ['run', 'engine', '--data', this.data, '--port', String(this.port), '--seed', '7'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, STOA_ENV: process.env.STOA_ENV ?? 'development' }, // Not what the machine looks like: loopback, paper, the simulator.
    });
    process.once('exit', () => this.child.kill('SIGKILL')); // An aborted run leaves no engine behind.
    const [, port, token] = await this.line(URL_LINE);
    this.port = Number(port);
    this.token = token;
    this.base = `http://127.0.0.1:${port}`;
  }

  /** No goodbye: what the log does not hold is gone. */
  async kill() {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }

  async stop() {
    await this.kill();
    await rm(this.data, { recursive: true, force: true });
  }

  line(pattern) {
    return new Promise((resolve, reject) => {
      let text = '';
      const timer = setTimeout(() => reject(new Error(`no URL from the engine in ${START_MAX_MS} ms:\n${text}`)), START_MAX_MS);
      const read = (chunk) => {
        text += chunk;
        const match = pattern.exec(text);
        if (!match) return;
        clearTimeout(timer);
        resolve(match);
      };
      this.child.stdout.on('data', read);
      this.child.stderr.on('data', read);
      this.child.once('exit', (code) => { clearTimeout(timer); reject(new Error(`the engine ended with ${code}:\n${text}`)); });
    });
  }
}

/** Somebody else's engine: not ours to restart. */
export class GivenEngine {
  constructor(url) {
    const { origin, hash } = new URL(url);
    this.base = origin;
    this.token = new URLSearchParams(hash.slice(1)).get('token');
  }

  async start() {}
  async stop() {}
}

/** A call to the API beside the page: the second witness of what the page shows. */
export async function api(engine, method, path, body) {
  const response = await fetch(engine.base + path, {
    method,
    headers: { Authorization: `Bearer ${engine.token}`, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const type = response.headers.get('content-type').split(';')[0];
  return { status: response.status, type, body: /json$/.test(type) ? JSON.parse(text) : { text } };
}
