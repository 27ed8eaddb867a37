import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freePorts } from '../kit/ports.ts';
import { type Relay, startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { waitFor } from '../kit/wait.ts';
import { Causeway } from './cli-kit.ts';
import type { Running } from './run.ts';

const SECRET = { env: { CAUSEWAY_SECRET: 'correct horse battery' } };
const TUNNELS = 6;

let relay: Relay;
let causeway: Causeway;
const scope = new Scope();

beforeAll(async () => {
  relay = await startRelay({ env: { CAUSEWAY_TUNNELS_PER_CONNECTION: String(TUNNELS) } });
});
afterAll(() => relay.stop());
beforeEach(() => {
  causeway = scope.keep(new Causeway(relay.url));
});
afterEach(() => scope.end());

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.keep({ stop: () => server.close() });
  return (server.address() as AddressInfo).port;
}

/** Answers, once it has all of what a connection says, with how much that was. */
function countingServer(): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    const said = await text(socket.iterator({ destroyOnReturn: false }));
    socket.end(`${said.length} bytes`);
  });
  return listen(server);
}

async function accepting(port: number, args: readonly string[] = [], options = SECRET): Promise<Running> {
  const home = causeway.start(['forward', '--accept', `127.0.0.1:${port}`, '--as', 'home', ...args], options);
  await home.stderrShows('accepting 127.0.0.1:');
  return home;
}

/** The local port that leads there. */
async function forwarding(port: number, args: readonly string[] = [], options = SECRET) {
  const local = causeway.start(['forward', '--to', 'home', `0:127.0.0.1:${port}`, ...args], options);
  const [, shown] = await local.stderrMatches(/127\.0\.0\.1:(\d+) goes to/);
  return { local, port: Number(shown) };
}

/** What a connection gets back for what it says, its own end passed on first; what it ends with when it is cut. */
async function say(port: number, words: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(words);
  return text(socket);
}

describe('causeway forward', () => {
  it('brings an HTTP server here', async () => {
    const http = createHttpServer((request, response) => response.end(`you asked for ${request.url}`));
    const target = await listen(http);
    await accepting(target);
    const { local, port } = await forwarding(target);
    const answers = Array.from({ length: 4 }, async (_, at) => (await fetch(`http://127.0.0.1:${port}/${at}`)).text());
    expect(await Promise.all(answers)).toEqual([0, 1, 2, 3].map((at) => `you asked for /${at}`));
    local.kill('SIGINT');
    expect(await local.result).toMatchObject({ code: 130 });
  });

  it('passes on the end of each direction by itself, and whatever number of bytes', async () => {
    const target = await countingServer();
    await accepting(target);
    const { port } = await forwarding(target);
    expect(await say(port, '')).toBe('0 bytes');
    expect(await say(port, 'x'.repeat(3_000_000))).toBe('3000000 bytes');
  });

  it('says so when there are more connections than the relay allows tunnels, and goes on with them later', async () => {
    const target = await countingServer();
    await accepting(target);
    const { local, port } = await forwarding(target);
    const open = Array.from({ length: TUNNELS }, () => connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
    const answers = open.map((socket) => text(socket));
    // The other end has accepted them all: the next is one too many.
    const isFull = async (): Promise<boolean> => (await relay.metrics()).value('causeway_tunnel_ends') === 2 * TUNNELS;
    await waitFor(isFull, { what: 'every tunnel is open' });
    expect(await say(port, 'x').catch(() => 'cut')).toMatch(/^(?:cut)?$/);
    await local.stderrShows('tunnel_limit');
    for (const socket of open) socket.end('abc');
    expect(await Promise.all(answers)).toEqual(open.map(() => '3 bytes'));
    expect(await say(port, 'later')).toBe('5 bytes');
  });

  it('does not connect to what was not allowed', async () => {
    const target = await countingServer();
    const [other = 0] = await freePorts(1);
    const home = await accepting(target);
    const { local, port } = await forwarding(other);
    expect(await say(port, 'x').catch(() => 'cut')).toMatch(/^(?:cut)?$/);
    await local.stderrShows('this target is not allowed');
    await home.stderrShows('declined');
  });

  it('does not let in another peer than those of --from', async () => {
    const target = await countingServer();
    await accepting(target, ['--from', 'alice']);
    const mallory = await forwarding(target, ['--as', 'mallory']);
    expect(await say(mallory.port, 'x').catch(() => 'cut')).toMatch(/^(?:cut)?$/);
    await mallory.local.stderrShows('this peer is not allowed');
    const alice = await forwarding(target, ['--as', 'alice']);
    expect(await say(alice.port, 'x')).toBe('1 bytes');
  });

  it('does not let in who has another secret, or none', async () => {
    const target = await countingServer();
    const home = await accepting(target);
    const wrong = await forwarding(target, [], { env: { CAUSEWAY_SECRET: 'incorrect horse' } });
    expect(await say(wrong.port, 'x').catch(() => 'cut')).toMatch(/^(?:cut)?$/);
    await wrong.local.stderrShows('the other side has another secret');
    await home.stderrShows('the other side has another secret');
    const none = await forwarding(target, ['--insecure']);
    expect(await say(none.port, 'x').catch(() => 'cut')).toMatch(/^(?:cut)?$/);
    await none.local.stderrShows('a secret is needed');
  });

  it('is insecure only when both sides say so', async () => {
    const target = await countingServer();
    await accepting(target, ['--insecure', '--from', 'alice']);
    const alice = await forwarding(target, ['--insecure', '--as', 'alice']);
    expect(await say(alice.port, 'abc')).toBe('3 bytes');
    const secret = await forwarding(target);
    expect(await say(secret.port, 'x').catch(() => 'cut')).toMatch(/^(?:cut)?$/);
    await secret.local.stderrShows('this peer is not allowed');
  });

  it('says that the target cannot be reached, or the peer', async () => {
    const [nobody = 0] = await freePorts(1);
    const offline = await forwarding(nobody);
    expect(await say(offline.port, 'x').catch(() => 'cut')).toMatch(/^(?:cut)?$/);
    await offline.local.stderrShows('peer_offline');
    await accepting(nobody);
    expect(await say(offline.port, 'x').catch(() => 'cut')).toMatch(/^(?:cut)?$/);
    await offline.local.stderrShows('cannot be reached: ECONNREFUSED');
  });

  it.each([
    ['no secret', ['--to', 'home', '8080:localhost:80'], {}],
    ['neither side', ['8080:localhost:80'], SECRET],
    ['both sides', ['--to', 'home', '--accept', 'localhost:80', '8080:localhost:80'], SECRET],
    ['nothing to forward', ['--to', 'home'], SECRET],
    ['no forward', ['--to', 'home', 'localhost'], SECRET],
    ['no address', ['--accept', 'localhost'], SECRET],
    ['insecure for anybody', ['--accept', 'localhost:80', '--insecure'], {}],
  ])('2: %s', async (_, args, options) => {
    expect(await causeway.run(['forward', ...args], options)).toMatchObject({ code: 2 });
  });

  it('1: the local port is taken', async () => {
    const taken = await countingServer();
    const { code, stderr } = await causeway.run(['forward', '--to', 'home', `${taken}:localhost:80`], SECRET);
    expect([code, stderr]).toEqual([1, expect.stringContaining('EADDRINUSE')]);
  });
});
