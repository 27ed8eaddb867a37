import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePorts, isPortFree } from '../kit/ports.ts';
import { startProxy, type TcpProxy } from '../kit/proxy.ts';
import { createRng } from '../kit/rng.ts';
import { deferred, waitFor } from '../kit/wait.ts';

let echo: Server;
let proxy: TcpProxy;
/** What reached the server, of all connections. */
let requests: string;

beforeEach(async () => {
  requests = '';
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('data', (bytes) => {
      requests += bytes.toString();
      socket.write(bytes);
    });
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const { port } = echo.address() as { port: number };
  proxy = await startProxy({ target: { port } });
});

afterEach(async () => {
  await proxy.stop();
  echo.close();
});

interface Client {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  replies(): string;
  /** Waits until so many characters of reply have come. */
  until(length: number): Promise<string>;
}

async function dial(): Promise<Client> {
  const socket = connect({ host: proxy.host, port: proxy.port, allowHalfOpen: true });
  let replies = '';
  const closed = deferred<void>();
  socket.on('error', () => undefined);
  socket.once('close', () => closed.resolve());
  socket.on('data', (bytes) => {
    replies += bytes.toString();
  });
  await once(socket, 'connect');
  return {
    socket,
    closed: closed.promise,
    replies: () => replies,
    until: (length) => waitFor(() => replies.length >= length && replies, { what: `${length} characters have come` }),
  };
}

describe('the proxy', () => {
  test('passes everything on, and the end of a stream', async () => {
    const client = await dial();
    const big = 'x'.repeat(4_000_000);
    const ended = once(client.socket, 'end');
    client.socket.end(big);
    expect(await client.until(big.length)).toBe(big);
    await ended;
    expect(proxy.counters).toMatchObject({ connections: 1, cuts: 0, requestBytes: big.length, replyBytes: big.length });
    await waitFor(() => proxy.openConnections() === 0, { what: 'the connection is gone' });
  });

  test('cuts a reply between execution and answer, as often as asked', async () => {
    proxy.cutReplies({ probability: 1, rng: createRng(1), times: 1 });
    const first = await dial();
    first.socket.write('one');
    await first.closed;
    expect([requests, first.replies(), proxy.counters.cuts]).toEqual(['one', '', 1]);
    const second = await dial();
    second.socket.write('two');
    expect(await second.until(3)).toBe('two');
  });

  test('a black hole keeps one direction back and loses nothing', async () => {
    const client = await dial();
    client.socket.write('a');
    await client.until(1);
    proxy.pause('replies');
    client.socket.write('b');
    await waitFor(() => requests === 'ab', { what: 'the request has arrived' });
    const late = await dial();
    late.socket.write('c');
    await waitFor(() => requests === 'abc', { what: 'the request of the new connection has arrived' });
    expect([client.replies(), late.replies()]).toEqual(['a', '']);
    proxy.resume();
    expect([await client.until(2), await late.until(1)]).toEqual(['ab', 'c']);
  });

  test('delays, and keeps the order', async () => {
    const client = await dial();
    proxy.delay(1000);
    client.socket.write('first');
    await waitFor(() => proxy.counters.requestBytes === 5, { what: 'the proxy holds the request' });
    const direct = connect((echo.address() as { port: number }).port, '127.0.0.1');
    direct.end('direct');
    await once(direct, 'data');
    expect(requests).toBe('direct');
    proxy.delay(0);
    client.socket.write('second');
    expect(await client.until(11)).toBe('firstsecond');
    expect(requests).toBe('directfirstsecond');
  });

  test('resets all connections and takes new ones', async () => {
    const clients = [await dial(), await dial()];
    proxy.cutAll();
    await Promise.all(clients.map(({ closed }) => closed));
    const next = await dial();
    next.socket.write('again');
    expect(await next.until(5)).toBe('again');
  });

  test('a target that is away ends the connection', async () => {
    const [port] = await freePorts(1);
    const dead = await startProxy({ target: { port: port as number } });
    const socket = connect(dead.port, dead.host);
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('close', resolve));
    await dead.stop();
  });
});

test('ports are free, and handed out once', async () => {
  const lists = await Promise.all([freePorts(40), freePorts(40), freePorts(1)]);
  const ports = lists.flat();
  expect(new Set(ports).size).toBe(81);
  expect((await Promise.all(ports.map(isPortFree))).every(Boolean)).toBe(true);
  expect(await isPortFree(proxy.port)).toBe(false);
});

test('the same seed draws the same, another seed something else', () => {
  const draw = (seed: number) => {
    const rng = createRng(seed);
    return [rng.next(), rng.int(1000), rng.shuffle([1, 2, 3, 4, 5, 6, 7, 8]), [...rng.bytes(4)], rng.fork().next()];
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
  const rng = createRng(3);
  const heads = Array.from({ length: 10_000 }, () => rng.chance(0.25)).filter(Boolean).length;
  expect(heads).toBeGreaterThan(2300);
  expect(heads).toBeLessThan(2700);
});
