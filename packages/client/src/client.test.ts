import { CloseCode, ReceiptStatus, SendFlag } from '@causeway/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedRelay } from '../test/scripted-relay.ts';
import { type Client, type ClientOptions, createClient, type IncomingMessage } from './index.ts';

const { delivered, queued, offline, rate_limited } = ReceiptStatus;

let relay: ScriptedRelay;
let client: Client;
const logged: { message: string; fields: Record<string, unknown> }[] = [];

function setUp(options: Partial<ClientOptions> = {}): Client {
  const log = (message: string, fields: Record<string, unknown> = {}): void => void logged.push({ message, fields });
  client = createClient({
    url: relay.url,
    peer: 'bob',
    backoff: { minMs: 1, maxMs: 2 },
    logger: { debug: log, info: log, warn: log, error: log },
    ...options,
  });
  return client;
}

/** A started client and its first connection. */
async function connected(options: Partial<ClientOptions> = {}, welcome: Parameters<typeof accept>[0] = {}) {
  const started = setUp(options).start();
  const peer = await accept(welcome);
  await started;
  return peer;
}

async function accept(welcome: Parameters<Awaited<ReturnType<ScriptedRelay['accept']>>['welcome']>[0] = {}) {
  const peer = await relay.accept();
  await peer.welcome(welcome);
  return peer;
}

async function texts(messages: AsyncIterable<IncomingMessage>, count: number): Promise<string[]> {
  const found: string[] = [];
  for await (const message of messages) {
    found.push(message.text());
    if (found.length === count) break;
  }
  return found;
}

beforeEach(async () => {
  logged.length = 0;
  relay = await ScriptedRelay.start();
});

afterEach(async () => {
  await client.stop();
  await relay.stop();
});

describe('opening', () => {
  it('says HELLO with realm, peer, secret and a growing attempt, and takes the id that the relay assigns', async () => {
    const first = createClient({ url: relay.url, realm: 'team', backoff: { minMs: 1, maxMs: 2 } });
    client = first;
    const started = client.start();
    const peer = await relay.accept();
    const hello = await peer.welcome();
    await started;
    expect(hello).toMatchObject({ v: 1, realm: 'team', auth: { scheme: 'none' } });
    expect(hello.peer).toBeUndefined();
    expect(hello.resume).toEqual(client.resume);
    expect(client.peer).toBe('assigned');
    peer.socket.terminate();
    const again = await (await relay.accept()).next('hello');
    expect(again).toMatchObject({ peer: 'assigned', resume: client.resume });
    expect(again.attempt).toBeGreaterThan(hello.attempt ?? Number.POSITIVE_INFINITY);
  });

  it('goes through its states', async () => {
    setUp();
    const seen: string[] = [client.status];
    client.on('status', (status) => seen.push(status));
    const started = client.start();
    const peer = await accept();
    await started;
    peer.socket.terminate();
    await accept();
    await new Promise<void>((resolve) => {
      if (client.status === 'connected') resolve();
      else client.on('welcome', () => resolve());
    });
    await client.stop();
    expect(seen).toEqual(['idle', 'connecting', 'connected', 'waiting', 'connecting', 'connected', 'stopped']);
    expect(client.stats()).toMatchObject({ reconnects: 1, uptimeMs: 0 });
  });

  it('tries its URLs in turn, and logs each failure with URL and reason', async () => {
    const gone = await ScriptedRelay.start();
    await gone.stop();
    const started = setUp({ url: [gone.url, relay.url] }).start();
    await accept();
    await started;
    expect(logged[0]).toMatchObject({
      message: 'connection failed',
      fields: { url: gone.url.replace('http', 'ws').concat('/v1'), attempt: 1, reason: expect.stringMatching(/./) },
    });
  });

  it('gives up after maxAttempts', async () => {
    await relay.stop();
    const started = setUp({ maxAttempts: 3 }).start();
    await expect(started).rejects.toMatchObject({ code: 'unreachable', retryable: true, name: 'ConnectionError' });
    expect(logged.filter(({ message }) => message === 'connection failed')).toHaveLength(2);
    expect(client.status).toBe('failed');
    relay = await ScriptedRelay.start();
  });

  it('counts only connections in a row that were not welcomed for maxAttempts', async () => {
    const peer = await connected({ maxAttempts: 1 });
    const welcomed = new Promise((resolve) => client.on('welcome', resolve));
    peer.socket.terminate();
    await accept();
    await welcomed;
  });

  it('does not wait for ever for WELCOME', async () => {
    const started = setUp({ connectTimeoutMs: 20, maxAttempts: 1 }).start();
    await expect(started).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('WELCOME') });
  });

  it('stops when its signal aborts before WELCOME', async () => {
    const abort = new AbortController();
    const started = setUp().start({ signal: abort.signal });
    await relay.accept();
    abort.abort('enough');
    await expect(started).rejects.toMatchObject({ name: 'ConnectionError', code: 'aborted', cause: 'enough' });
    expect(client.status).toBe('stopped');
  });

  it('can be started again after it stopped', async () => {
    await connected();
    await client.stop();
    const started = client.start();
    await accept();
    await started;
    expect(client.status).toBe('connected');
  });
});

describe('sending', () => {
  it('resolves with the receipt', async () => {
    const peer = await connected();
    const [first, second] = [client.send('alice', 'hello'), client.send('carol', new Uint8Array([1, 2]))];
    const frames = [await peer.next('send'), await peer.next('send')];
    expect(frames.map(({ to, payload }) => [to, [...payload]])).toEqual([
      ['alice', [...Buffer.from('hello')]],
      ['carol', [1, 2]],
    ]);
    peer.receipt(frames[0]?.id ?? null, delivered);
    peer.receipt(frames[1]?.id ?? null, queued);
    expect(await first).toMatchObject({ to: 'alice', status: 'delivered', id: frames[0]?.id });
    expect(await second).toMatchObject({ to: 'carol', status: 'queued' });
    expect(client.stats()).toMatchObject({ messagesSent: 2, pending: 0 });
  });

  it('takes the bytes of any view, at the time of the call', async () => {
    const peer = await connected();
    const buffer = Buffer.from('-hello-');
    const send = client.send('alice', buffer.subarray(1, 6));
    buffer.fill(0);
    const frame = await peer.next('send');
    expect(Buffer.from(frame.payload).toString()).toBe('hello');
    peer.receipt(frame.id, delivered);
    await send;
  });

  it('starts its ids from the later clock', async () => {
    const serverTime = Date.now() + 3_600_000;
    const peer = await connected({}, { serverTime });
    void client.send('alice', 'x').catch(() => undefined);
    expect((await peer.next('send')).id).toBe(serverTime * 1000 + 1);
  });

  it('sends what has no receipt again with its old id, and takes messages before it is connected', async () => {
    const started = setUp().start();
    const early = client.send('alice', 'early');
    const first = await accept();
    await started;
    const sent = await first.next('send');
    first.socket.terminate();
    const second = await accept();
    const again = await second.next('send');
    expect(again.id).toBe(sent.id);
    second.receipt(again.id, delivered);
    expect((await early).status).toBe('delivered');
  });

  it('begins again after a refusal: old ids, old order, after-refusal on the first', async () => {
    const peer = await connected();
    const sends = ['1', '2'].map((text) => client.send('alice', text));
    const refused = [await peer.next('send'), await peer.next('send')];
    for (const { id } of refused) peer.receipt(id, rate_limited);
    peer.send({ type: 'throttle', scope: 'peer', retryAfterMs: 5 });
    const again = [await peer.next('send'), await peer.next('send')];
    expect(again.map(({ id }) => id)).toEqual(refused.map(({ id }) => id));
    expect(again.map(({ flags }) => flags)).toEqual([SendFlag.afterRefusal, 0]);
    for (const { id } of again) peer.receipt(id, delivered);
    expect((await Promise.all(sends)).map(({ status }) => status)).toEqual(['delivered', 'delivered']);
  });

  it('waits behind the window', async () => {
    const peer = await connected({}, { sendWindow: 1 });
    const sends = ['1', '2'].map((text) => client.send('alice', text));
    const first = await peer.next('send');
    peer.send({ type: 'ping', data: new Uint8Array(8) });
    // The PONG comes after anything that would have gone beyond the window.
    await peer.next('pong');
    expect(client.stats().messagesSent).toBe(1);
    peer.receipt(first.id, delivered);
    const second = await peer.next('send');
    peer.receipt(second.id, delivered);
    await Promise.all(sends);
  });

  it('rejects with a class, a code and whether to retry', async () => {
    const peer = await connected({}, { maxPayload: 10 });
    const send = client.send('alice', 'x', { store: false });
    const frame = await peer.next('send');
    expect(frame.flags).toBe(SendFlag.noStore);
    peer.receipt(frame.id, offline);
    await expect(send).rejects.toMatchObject({ name: 'RefusedError', code: 'offline', retryable: true, to: 'alice' });
    await expect(client.send('alice', 'x'.repeat(11))).rejects.toMatchObject({ code: 'too_large', retryable: false });
    const noBytes = [1, 2] as unknown as Uint8Array;
    await expect(client.send('alice', noBytes)).rejects.toMatchObject({ name: 'UsageError', code: 'bad_option' });
    await expect(client.send('', 'x')).rejects.toMatchObject({ name: 'UsageError', code: 'bad_peer' });
  });

  it('gives up by signal or timeout, and says what is known', async () => {
    const started = setUp().start();
    await expect(client.send('alice', 'x', { timeout: 1 })).rejects.toMatchObject({ code: 'timeout', retryable: true });
    const abort = new AbortController();
    const aborted = client.send('alice', 'x', { signal: abort.signal });
    abort.abort('enough');
    await expect(aborted).rejects.toMatchObject({ code: 'aborted', cause: 'enough' });
    await expect(client.send('alice', 'x', { signal: abort.signal })).rejects.toMatchObject({ code: 'aborted' });
    const peer = await accept();
    await started;
    const sent = new AbortController();
    const uncertain = client.send('alice', 'y', { signal: sent.signal });
    expect(Buffer.from((await peer.next('send')).payload).toString()).toBe('y');
    sent.abort();
    await expect(uncertain).rejects.toMatchObject({ code: 'outcome_unknown' });
    peer.socket.terminate();
    const next = await accept();
    const other = client.send('alice', 'z');
    const frame = await next.next('send');
    expect(Buffer.from(frame.payload).toString()).toBe('z');
    next.receipt(frame.id, delivered);
    await other;
  });

  it('without receipt: resolves when it is handed over, and reports a final refusal as an event', async () => {
    const peer = await connected();
    const refusal = new Promise((resolve) => client.on('refused', resolve));
    expect(await client.send('alice', 'x', { receipt: false, store: false })).toMatchObject({ status: 'sent' });
    const frame = await peer.next('send');
    expect(frame.flags).toBe(SendFlag.noStore | SendFlag.noReceipt);
    peer.receipt(frame.id, offline);
    expect(await refusal).toMatchObject({ id: frame.id, to: 'alice', error: { code: 'offline' } });
  });

  it('bounds what waits', async () => {
    setUp({ maxQueuedBytes: 10 });
    const first = client.send('alice', '1234567890');
    await expect(client.send('alice', 'x')).rejects.toMatchObject({ code: 'queue_full', retryable: true });
    const started = client.start();
    const peer = await accept();
    await started;
    peer.receipt((await peer.next('send')).id, delivered);
    await first;
  });

  it('fails what is left when the client stops', async () => {
    const peer = await connected({}, { sendWindow: 1 });
    const [onWire, waiting] = ['1', '2'].map((text) => client.send('alice', text));
    await peer.next('send');
    const outcomes = Promise.allSettled([onWire, waiting]);
    await client.stop();
    expect(await outcomes).toMatchObject([{ reason: { code: 'outcome_unknown' } }, { reason: { code: 'stopped' } }]);
    await expect(client.send('alice', '3')).rejects.toMatchObject({ code: 'stopped' });
  });
});

describe('receiving', () => {
  it('shows messages in order and acknowledges what was taken', async () => {
    const peer = await connected();
    for (const seq of [1, 2, 3]) peer.deliver(seq, seq, `m${seq}`);
    const messages = client.messages();
    expect(await texts({ [Symbol.asyncIterator]: () => messages }, 2)).toEqual(['m1', 'm2']);
    expect((await peer.next('ack')).seq).toBe(2);
  });

  it('acknowledges by hand', async () => {
    const peer = await connected();
    peer.deliver(1, 1, 'm1');
    peer.deliver(2, 2, 'm2');
    const messages = client.messages({ ack: 'manual' });
    const [first, second] = [(await messages.next()).value, (await messages.next()).value];
    second?.ack();
    peer.send({ type: 'ping', data: new Uint8Array(8) });
    await peer.next('pong');
    first?.ack();
    expect((await peer.next('ack')).seq).toBe(2);
  });

  it('shows what comes again on the next connection once, and acknowledges it there', async () => {
    const first = await connected();
    first.deliver(1, 1, 'm1');
    first.deliver(2, 2, 'm2');
    const messages = client.messages();
    expect((await messages.next()).value?.text()).toBe('m1');
    first.socket.terminate();
    const second = await accept();
    for (const seq of [1, 2, 3]) second.deliver(seq, seq, `m${seq}`);
    expect((await second.next('ack')).seq).toBe(1);
    expect((await messages.next()).value?.text()).toBe('m2');
    expect((await messages.next()).value?.text()).toBe('m3');
    expect((await second.next('ack')).seq).toBe(3);
    expect(client.stats()).toMatchObject({ messagesReceived: 3, duplicates: 2 });
  });

  it('closes and comes back when a seq is missing', async () => {
    const first = await connected();
    first.deliver(2, 1, 'm1');
    await first.closed;
    const second = await accept();
    second.deliver(1, 1, 'm1');
    expect(await texts(client.messages(), 1)).toEqual(['m1']);
  });

  it('skips what it cannot read, and says so', async () => {
    const peer = await connected();
    const reasons: string[] = [];
    client.on('malformed', ({ reason }) => reasons.push(reason));
    peer.sendBytes(new Uint8Array([0x11, 0, 0, 1, 0]));
    peer.sendBytes(new Uint8Array([0xc5, 0, 0, 1, 0]));
    peer.deliver(1, 1, 'm1');
    expect(await texts(client.messages(), 1)).toEqual(['m1']);
    expect(reasons).toHaveLength(1);
    expect(client.stats().malformed).toBe(1);
    expect(logged.filter(({ message }) => message === 'malformed frame skipped')).toHaveLength(1);
  });

  it('ends iterations by signal and by stop', async () => {
    await connected();
    const abort = new AbortController();
    const bySignal = client.messages({ signal: abort.signal }).next();
    abort.abort();
    expect((await bySignal).done).toBe(true);
    const byStop = client.messages().next();
    await client.stop();
    expect((await byStop).done).toBe(true);
  });
});

describe('the end of connections', () => {
  it.each([
    [CloseCode.malformed, 'malformed'],
    [CloseCode.unauthorized, 'unauthorized'],
    [CloseCode.forbidden, 'forbidden'],
    [CloseCode.replaced, 'replaced'],
  ])('does not come back after %i', async (code, name) => {
    const peer = await connected();
    const iteration = client.messages().next();
    peer.socket.close(code);
    const error = await client.closed;
    expect(error).toMatchObject({ code: name, closeCode: code, retryable: false });
    expect(client.status).toBe('failed');
    await expect(iteration).rejects.toBe(error);
  });

  it('says what the ERROR frame said', async () => {
    const started = setUp().start();
    const peer = await relay.accept();
    await peer.next('hello');
    peer.send({ type: 'error', code: 'peer_in_use', message: 'someone else is bob' });
    peer.socket.close(CloseCode.forbidden);
    await expect(started).rejects.toMatchObject({
      code: 'peer_in_use',
      message: expect.stringContaining('someone else is bob'),
    });
  });

  it('waits as long as a busy relay asks', async () => {
    const started = setUp().start();
    const peer = await relay.accept();
    await peer.next('hello');
    peer.send({ type: 'error', code: 'server_full', message: 'full', retryAfterMs: 30 });
    peer.socket.close(CloseCode.busy);
    await accept();
    await started;
    expect(logged).toContainEqual({
      message: 'connection failed',
      fields: expect.objectContaining({ retryInMs: 30, closeCode: CloseCode.busy, reason: 'full' }),
    });
  });

  it('follows GOAWAY to the relay it names, after the delay, and works until then', async () => {
    const other = await ScriptedRelay.start();
    const peer = await connected();
    peer.send({ type: 'goaway', reason: 'drain', reconnectAfterMs: 20, urls: [other.url] });
    peer.deliver(1, 1, 'still here');
    expect(await texts(client.messages(), 1)).toEqual(['still here']);
    const next = await other.accept();
    await next.welcome();
    next.deliver(1, 2, 'moved');
    expect(await texts(client.messages(), 1)).toEqual(['moved']);
    await peer.closed;
    await client.stop();
    await other.stop();
  });

  it('pings, and leaves a relay that has gone silent', async () => {
    const peer = await connected({}, { heartbeatMs: 10 });
    await peer.next('ping');
    peer.socket.pause();
    await accept();
    expect(logged).toContainEqual({
      message: 'connection ended',
      fields: expect.objectContaining({ reason: 'nothing came for 2 heartbeats' }),
    });
    peer.socket.terminate();
  });
});

describe('watching', () => {
  it('tells changes once, watches again after a reconnect, and unwatches at the end', async () => {
    const first = await connected();
    const watch = client.watch(['alice', 'carol']);
    const news = watch.next();
    expect((await first.next('watch')).peers).toEqual(['alice', 'carol']);
    first.send({ type: 'presence', peer: 'alice' as never, online: false, at: 1 });
    expect((await news).value).toEqual({ peer: 'alice', online: false, at: 1 });
    first.socket.terminate();
    const second = await accept();
    expect((await second.next('watch')).peers).toEqual(['alice', 'carol']);
    second.send({ type: 'presence', peer: 'alice' as never, online: false, at: 1 });
    second.send({ type: 'presence', peer: 'carol' as never, online: true, at: 2 });
    expect((await watch.next()).value).toEqual({ peer: 'carol', online: true, at: 2 });
    await watch.return();
    expect((await second.next('unwatch')).peers).toEqual(['alice', 'carol']);
  });

  it('asks the relay once for a peer that two watch, and tells the second what is known', async () => {
    const peer = await connected();
    const first = client.watch(['alice']);
    const news = first.next();
    await peer.next('watch');
    peer.send({ type: 'presence', peer: 'alice' as never, online: true, at: 1 });
    await news;
    const second = client.watch(['alice']);
    expect((await second.next()).value).toMatchObject({ peer: 'alice', online: true });
    await first.return();
    await second.return();
    expect((await peer.next('unwatch')).peers).toEqual(['alice']);
  });

  it('watches at most 256 peers', async () => {
    setUp();
    const watch = client.watch(Array.from({ length: 257 }, (_, i) => `peer-${i}`));
    await expect(watch.next()).rejects.toMatchObject({ code: 'watch_limit' });
    expect(() => client.watch([''])).toThrow(expect.objectContaining({ code: 'bad_peer' }));
  });
});
