// `stoa up` with its hub on a temporary folder: a process for each role, releases to switch between, and its command line.
import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { api } from './engine.mjs';
import { restingOrder, until } from './page.mjs';

const exec = promisify(execFile);
const PORTS = [5555, 5556, 5557, 5558, 8001, 8002, 8003, 8080, 9100];
const START_MAX_MS = 120_000;
const STARTS_TRIED = 5;
/** Ours without settings of the program, so that a flow does what it says. */
const ENVIRONMENT = { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('STOA_'))), STOA_ENV: 'testing', STOA_NO_INPUT: '1' };
export const BOB = 'bobs-own-token-for-deployments';

export class Platform {
  constructor(binary) {
    this.binary = binary;
  }

  async start() {
    this.folder = await mkdtemp(join(tmpdir(), 'stoa-up-'));
    this.data = join(this.folder, 'data');
    await mkdir(this.data, { mode: 0o700 });
    await writeFile(join(this.data, 'tokens'), `# the second person of two\nbob deployer ${BOB}\n`, { mode: 0o600 });
    process.once('exit', () => {
      // An aborted run leaves no platform behind.
      if (!this.over) spawnSync(this.binary, ['down', '--force', '--data', this.data], { env: ENVIRONMENT });
    });
    for (let tried = 1; ; tried += 1) {
      try {
        await this.stoa(['up', '--base-port', String(await freeShift()), '--set', 'gateway.port=8080', '--env', 'testing']);
        break;
      } catch (error) {
        // Others that run beside this took one of its ports meanwhile.
        if (tried === STARTS_TRIED || !/is taken by/.test(error.message)) throw error;
      }
    }
    await this.addRelease('one');
    await this.addReleaseThatDiffers('other', 'one');
    this.token = (await readFile(join(this.data, 'token'), 'utf8')).trim();
    const roles = JSON.parse(await this.stoa(['status', '-o', 'json']));
    this.base = `http://127.0.0.1:${roles.find(({ role }) => role === 'gateway').port}`;
    await until('the platform is ready', async () => (await fetch(`${this.base}/ready`).catch(() => null))?.status === 200, START_MAX_MS);
  }

  /** What the command says; a failing one throws with all that it wrote. */
  async stoa(words, seconds = 180) {
    const { stdout } = await exec(this.binary, [...words, '--data', this.data], {
      cwd: this.folder, timeout: seconds * 1000, maxBuffer: 1 << 26, env: ENVIRONMENT,
    });
    return stdout;
  }

  async stop() {
    await this.stoa(['down', '--force']).catch(() => {});
    this.over = true;
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The program under test as a release. */
  async addRelease(name) {
    const tool = fileURLToPath(new URL('../../tools/release.py', import.meta.url));
    await exec('python3', [tool, '--program', this.binary, '--out', join(this.folder, 'built'), '--name', name]);
    await this.stoa(['release', 'add', join(this.folder, 'built', name)]);
  }

  /** A release whose followers compute something else from an output on: a debug build's fail point, armed by its start. */
  async addReleaseThatDiffers(name, like) {
    const folder = join(this.folder, 'built', name);
    await mkdir(folder, { recursive: true });
    const script = `#!/bin/sh\nSTOA_FAILPOINT=follower_derives_another:eio:20 exec "${this.binary}" "$@"\n`;
    await writeFile(join(folder, 'stoa'), script);
    await chmod(join(folder, 'stoa'), 0o755);
    const manifest = JSON.parse(await readFile(join(this.folder, 'built', like, 'manifest.json'), 'utf8'));
    const files = { stoa: createHash('sha256').update(script).digest('hex') };
    await writeFile(join(folder, 'manifest.json'), JSON.stringify({ ...manifest, name, files }));
    await this.stoa(['release', 'add', folder]);
  }

  /** A debug build: its places can be made to fail. */
  async hasFailPoints() {
    return (await readFile(this.binary)).includes('follower_derives_another');
  }

  /** Begins a deployment of execution and risk; answers its id. */
  async deploy(release, reason, settings) {
    // Every wait is long and ended by a person, and a slow machine is no bad build.
    const usual = {
      catch_up_steady_s: 0, catch_up_ms: 2_000, shadow_outputs: 0, shadow_s: 600, soak_s: 600, soak_requests: 0, warm_s: 600, switch_s: 120, back_s: 120, start_s: 120,
      error_ratio_ppm: 500_000, reject_ratio_ppm: 500_000, latency_floor_us: 10_000_000, gaps: 1_000,
    };
    const words = Object.entries({ ...usual, ...settings }).flatMap(([name, value]) => ['--with', `${name}=${value}`]);
    const said = await this.stoa(['deploy', 'start', release, '--role', 'execution', '--role', 'risk', '--reason', reason, ...words, '-o', 'json']);
    return JSON.parse(said).id;
  }

  async deployment(id = 'newest') {
    const { body } = await api(this, 'GET', `/api/v1/deployments/${id}`);
    return body.deployment;
  }

  /** The process that has a role's place. */
  async placed(role) {
    return (await this.row(role)).pid;
  }

  /** The process that stands beside it. */
  async beside(role) {
    return (await this.row(role)).beside.pid;
  }

  async row(role) {
    const { roles } = JSON.parse(await readFile(join(this.data, 'run', 'supervisor.json'), 'utf8'));
    return roles.find((each) => each.role === role);
  }

  /** Orders that rest and go, until it is stopped: something to compute, and to compare. */
  trade() {
    let goesOn = true;
    const over = (async () => {
      const { body: { instruments: [{ symbol }] } } = await api(this, 'GET', '/api/v1/instruments');
      const order = await restingOrder(this, symbol);
      while (goesOn) {
        const { body } = await api(this, 'POST', '/api/v1/orders', order).catch(() => ({ body: {} }));
        if (body.client_order_id) await api(this, 'DELETE', `/api/v1/orders/${body.client_order_id}`).catch(() => {});
        await new Promise((wake) => setTimeout(wake, 20));
      }
    })();
    return () => { goesOn = false; return over; };
  }
}

/** A number that, added to every port of a platform, gives ports that nobody has now. */
async function freeShift() {
  for (let tried = 0; tried < 100; tried += 1) {
    const shift = 10_000 + Math.floor(Math.random() * 12_000);
    const free = await Promise.all(PORTS.map((port) => isFree(port + shift)));
    if (free.every(Boolean)) return shift;
  }
  throw new Error('no nine free ports at one distance from the defaults');
}

function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
