import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Relay, startRelay } from '../kit/relay.ts';
import { deferred, within } from '../kit/wait.ts';
import { mustRun, run, start } from './run.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What a page loads for a start; the cryptography comes when a room or an encrypted tunnel is asked for. */
const MAX_BROWSER_BYTES = 28 * 1024;
/** Milliseconds for a browser to start, load the page and run it on a busy machine. */
const PAGE_TIMEOUT_MS = 90_000;

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

function findChromium(): string | null {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((directory) => join(directory, 'chromium')).find((file) => existsSync(file)) ?? null;
}

/** Takes a message and an encrypted tunnel through the relay at `url` with what `module` exports: `shown` has what came. */
function roundTrip(module: string, url: string): string {
  return `
    import { connect } from ${JSON.stringify(module)};
    const url = ${JSON.stringify(url)};
    const bob = await connect({ url, peer: 'bob' });
    const alice = await connect({ url, peer: 'alice' });
    const next = bob.messages().next();
    await alice.send('bob', 'hello from ' + (typeof WebSocket));
    const shown = [(await next).value.text()];
    const room = await alice.createRoom();
    const [ours, theirs] = await Promise.all([room.tunnel, bob.joinRoom(room.code)]);
    const writer = theirs.writable.getWriter();
    const writing = writer.write(new Uint8Array(3_000_000)).then(() => writer.close());
    let bytes = 0;
    const reader = ours.readable.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) bytes += read.value.length;
    await writing;
    await ours.writable.close();
    shown.push(bytes, (await theirs.closed).kind);
    await alice.stop();
    await bob.stop();
  `;
}

/** A module that prints what came. */
function printed(module: string): string {
  return `${roundTrip(module, relay.url)} console.log(shown.join(' '));`;
}

/** Opens `folder/index.html` in a browser, and resolves with what the page posts back. */
async function openInBrowser(files: string): Promise<string> {
  const posted = deferred<string>();
  const server = createServer((request, response) => {
    if (request.method === 'POST') {
      text(request).then(posted.resolve, posted.reject);
      response.end();
      return;
    }
    const path = new URL(request.url ?? '/', 'http://page').pathname;
    const type = path.endsWith('.js') ? 'text/javascript' : 'text/html';
    response.setHeader('content-type', type);
    createReadStream(join(files, path === '/' ? 'index.html' : path))
      .on('error', () => response.writeHead(404).end())
      .pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
  const profile = `--user-data-dir=${join(folder, 'profile')}`;
  const browser = start(chromium ?? '', [...flags, profile, `http://127.0.0.1:${port}/`]);
  try {
    return await within(posted.promise, PAGE_TIMEOUT_MS, () => 'the page to post what came');
  } finally {
    browser.kill('SIGKILL');
    await browser.result.catch(() => undefined);
    server.close();
  }
}

const node20 = await findNode20();
const chromium = findChromium();

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
    writeFileSync(join(folder, 'smoke.js'), printed('@causeway/client'));
    expect(await mustRun(node20 ?? '', ['smoke.js'], { cwd: folder })).toBe('hello from undefined 3000000 done\n');
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

  it('make a browser bundle of less than 28 KB at first that needs nothing of Node', async () => {
    const bundle = await buildBundle();
    const first = ['client.js', ...staticImports(bundle['client.js'] ?? '')].map((file) => bundle[file] ?? '');
    expect(first.every((source) => source !== '')).toBe(true);
    expect(first.reduce((bytes, source) => bytes + gzipSync(source).length, 0)).toBeLessThan(MAX_BROWSER_BYTES);
    for (const source of Object.values(bundle)) {
      expect(staticImports(source).filter((file) => bundle[file] === undefined)).toEqual([]);
      expect(source).not.toMatch(/\brequire\(/);
    }
    writeFileSync(join(folder, 'bundled.js'), printed('./bundle/client.js'));
    expect(await mustRun(process.execPath, ['bundled.js'], { cwd: folder })).toBe('hello from function 3000000 done\n');
  });

  it.skipIf(chromium === null)('work in a page (skipped: no chromium on the PATH)', async () => {
    await buildBundle();
    const report = "await fetch('/', { method: 'POST', body: shown.join(' ') });";
    writeFileSync(join(folder, 'bundle/page.js'), `${roundTrip('./client.js', relay.url)} ${report}`);
    writeFileSync(join(folder, 'bundle/index.html'), '<script type="module" src="/page.js"></script>');
    expect(await openInBrowser(join(folder, 'bundle'))).toBe('hello from function 3000000 done');
  });
});

/** The bundle's files by name, as they are in the folder `bundle`. */
async function buildBundle(): Promise<Readonly<Record<string, string>>> {
  const input = join(folder, 'entry.js');
  writeFileSync(input, "export * from '@causeway/client';");
  await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    build: {
      outDir: 'bundle',
      modulePreload: false,
      rollupOptions: {
        input,
        preserveEntrySignatures: 'strict',
        output: { entryFileNames: 'client.js', chunkFileNames: '[name].js' },
      },
    },
  });
  const files = readdirSync(join(folder, 'bundle')).filter((file) => file.endsWith('.js'));
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, 'bundle', file), 'utf8')]));
}

/** What a module of the bundle loads with itself; names of packages or of Node as they are. */
function staticImports(source: string): string[] {
  const found = source.matchAll(/(?:^|[;\n}])import\b[^"'`(;]*["'`](?:\.\/)?([^"'`]+)["'`]/g);
  return [...found].map(([, name = '']) => name);
}
