import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Relay, startRelay } from '../kit/relay.ts';
import { mustRun, run } from './run.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAX_BROWSER_BYTES = 25 * 1024;

let relay: Relay;
let folder: string;

/** A Node 20 of this machine: the oldest version that the packages support. */
async function findNode20(): Promise<string | null> {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const node = join(directory, 'node');
    const found = await run(node, ['--version']).catch(() => null);
    if (found?.stdout.startsWith('v20.')) return node;
  }
  return null;
}

/** Runs a message through the relay with what `module` exports, and prints its text. */
function roundTrip(module: string): string {
  return `
    import { connect } from ${JSON.stringify(module)};
    const [url] = process.argv.slice(2);
    const bob = await connect({ url, peer: 'bob' });
    const alice = await connect({ url, peer: 'alice' });
    const next = bob.messages().next();
    await alice.send('bob', 'hello from ' + (typeof WebSocket));
    console.log((await next).value.text());
    await alice.stop();
    await bob.stop();
  `;
}

const node20 = await findNode20();

beforeAll(async () => {
  relay = await startRelay();
  folder = mkdtempSync(join(tmpdir(), 'causeway-package-'));
  const tarballs = join(folder, 'tarballs');
  mkdirSync(tarballs);
  await mustRun(process.execPath, [join(ROOT, 'packages/client/scripts/pack.ts'), tarballs]);
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const files = readdirSync(tarballs).map((file) => join(tarballs, file));
  await mustRun('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...files], { cwd: folder });
});

afterAll(async () => {
  await relay.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('the packed packages', () => {
  it.skipIf(node20 === null)('work on Node 20 (skipped: no Node 20 on the PATH)', async () => {
    writeFileSync(join(folder, 'smoke.js'), roundTrip('@causeway/client'));
    expect(await mustRun(node20 ?? '', ['smoke.js', relay.url], { cwd: folder })).toBe('hello from undefined\n');
  });

  it.skipIf(node20 === null)('bring a command that works on Node 20 (skipped: no Node 20 on the PATH)', async () => {
    const command = join(folder, 'node_modules/.bin/causeway');
    const send = ['send', '--as', 'alice', '--url', relay.url, 'carol', 'hi'];
    expect(await mustRun(node20 ?? '', [command, ...send])).toBe('queued\n');
    const { code, stderr } = await run(node20 ?? '', [command, 'start']);
    expect([code, stderr]).toEqual([69, expect.stringContaining('the relay is not installed here')]);
  });

  it('have types that a strict program can use', async () => {
    writeFileSync(
      join(folder, 'typed.ts'),
      `import { type Client, connect, type Receipt } from '@causeway/client';
       import { pakeDuplex, type SecureDuplex } from '@causeway/client/e2e';
       const tube = new TransformStream<Uint8Array, Uint8Array>();
       const secure: Promise<SecureDuplex> = pakeDuplex(tube, { role: 'initiator', secret: 'x', context: new Uint8Array() });
       const client: Client = await connect({ url: 'ws://relay.example' });
       const receipt: Receipt = await client.send('bob', 'hello');
       // @ts-expect-error: there is no such status
       if (receipt.status === 'lost') await client.stop();`,
    );
    const options = ['--noEmit', '--strict', '--target', 'es2023', '--module', 'nodenext', '--types', ''];
    await mustRun(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), ...options, 'typed.ts'], {
      cwd: folder,
    });
  });

  it('make a browser bundle of less than 25 KB that needs nothing of Node', async () => {
    writeFileSync(join(folder, 'entry.js'), "export * from '@causeway/client';");
    await build({
      root: folder,
      configFile: false,
      logLevel: 'error',
      build: {
        outDir: 'bundle',
        rollupOptions: {
          input: join(folder, 'entry.js'),
          preserveEntrySignatures: 'strict',
          output: { entryFileNames: 'client.js' },
        },
      },
    });
    const bundle = readFileSync(join(folder, 'bundle/client.js'), 'utf8');
    expect(gzipSync(bundle).length).toBeLessThan(MAX_BROWSER_BYTES);
    expect(/(^|[;\n])import\b|\brequire\(/.test(bundle)).toBe(false);
    writeFileSync(join(folder, 'bundled.js'), roundTrip('./bundle/client.js'));
    expect(await mustRun(process.execPath, ['bundled.js', relay.url], { cwd: folder })).toBe('hello from function\n');
  });
});
