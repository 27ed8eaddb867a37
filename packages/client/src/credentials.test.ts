import { verify, webcrypto } from 'node:crypto';
import { CloseCode, type NodeId, peerIdOfKey, proofMessage, type RealmName } from '@causeway/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedRelay } from '../test/scripted-relay.ts';
import { type Client, type ClientOptions, createClient, generateKey, keyOf } from './index.ts';

const NONCE = new Uint8Array(32).fill(7);
const NODE = 'n1' as NodeId;

let relay: ScriptedRelay;
let client: Client;
let failures: Record<string, unknown>[];

function setUp(options: Partial<ClientOptions>): Client {
  const warn = (_message: string, fields: Record<string, unknown> = {}): void => void failures.push(fields);
  const quiet = (): void => {};
  client = createClient({
    url: relay.url,
    realm: 'team',
    backoff: { minMs: 1, maxMs: 2 },
    logger: { debug: quiet, info: quiet, warn, error: quiet },
    ...options,
  });
  return client;
}

beforeEach(async () => {
  failures = [];
  relay = await ScriptedRelay.start();
});

afterEach(async () => {
  await client.stop();
  await relay.stop();
});

describe('a token', () => {
  it('is asked for anew for each connection, also for the one after its end', async () => {
    let calls = 0;
    const started = setUp({ token: async () => `token ${++calls}` }).start();
    const first = await relay.accept();
    expect((await first.welcome({ peer: 'alice' as never })).auth).toEqual({ scheme: 'token', token: 'token 1' });
    await started;
    expect(client.peer).toBe('alice');
    const waiting = client.send('bob', 'hello');
    const { id } = await first.next('send');
    first.send({ type: 'error', code: 'expired', message: 'the token has ended' });
    first.socket.close(CloseCode.expired);
    const second = await relay.accept();
    const hello = await second.welcome();
    expect(hello).toMatchObject({ auth: { scheme: 'token', token: 'token 2' }, peer: 'alice' });
    second.receipt((await second.next('send')).id, 1);
    expect(await waiting).toMatchObject({ id, status: 'delivered' });
    expect(failures).toMatchObject([{ closeCode: CloseCode.expired, reason: 'the token has ended' }]);
  });

  it('that does not come is a failed connection', async () => {
    const tokens = [
      () => Promise.reject(new Error('not signed in')),
      () => {
        throw new Error('broken');
      },
      async () => '',
      async () => undefined as never,
      async () => 'good',
    ];
    const started = setUp({ token: () => (tokens.shift() as () => Promise<string>)() }).start();
    expect((await (await relay.accept()).welcome()).auth?.token).toBe('good');
    await started;
    expect(failures.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('no token to connect with: Error: not signed in'),
      expect.stringContaining('broken'),
      expect.stringContaining('no text'),
      expect.stringContaining('no text'),
    ]);
    expect(failures.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
  });

  it('that does not come ends the client after maxAttempts, with its error', async () => {
    const token = () => Promise.reject(new Error('not signed in'));
    await expect(setUp({ token, maxAttempts: 2 }).start()).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('not signed in'),
    });
  });

  it('is not waited for for ever', async () => {
    const token = () => new Promise<string>(() => {});
    await expect(setUp({ token, connectTimeoutMs: 10, maxAttempts: 1 }).start()).rejects.toMatchObject({
      message: expect.stringContaining('within 10 ms'),
    });
  });

  it('that comes after the client was stopped is of no use, nor to the next start', async () => {
    const resolvers: ((token: string) => void)[] = [];
    const token = () => new Promise<string>((resolve) => resolvers.push(resolve));
    const stopped = setUp({ token }).start();
    await client.stop();
    await expect(stopped).rejects.toMatchObject({ code: 'stopped' });
    const started = client.start();
    resolvers[0]?.('late');
    resolvers[1]?.('fresh');
    expect((await (await relay.accept()).welcome()).auth?.token).toBe('fresh');
    await started;
  });
});

describe('a key', () => {
  it('is the peer id, and answers the challenge', async () => {
    const key = await generateKey();
    const peer = peerIdOfKey(key.publicKey);
    const started = setUp({ key }).start();
    expect(client.peer).toBe(peer);
    const connection = await relay.accept();
    const hello = await connection.next('hello');
    expect(hello).toMatchObject({ peer, auth: { scheme: 'key', publicKey: key.publicKey } });
    connection.send({ type: 'challenge', nonce: NONCE, node: NODE });
    const { signature } = await connection.next('proof');
    const message = proofMessage(NONCE, 'team' as RealmName, peer, NODE);
    const publicKey = await webcrypto.subtle.importKey('raw', key.publicKey, 'Ed25519', true, ['verify']);
    expect(await webcrypto.subtle.verify('Ed25519', publicKey, signature, message)).toBe(true);
    connection.sendWelcome(hello);
    await started;
  });

  it('can be kept and loaded again', async () => {
    const key = await generateKey({ extractable: true });
    const again = await keyOf(key.pair);
    expect(again.publicKey).toEqual(key.publicKey);
    const jwk = await webcrypto.subtle.exportKey('jwk', key.pair.publicKey as webcrypto.CryptoKey);
    const message = new TextEncoder().encode('hello');
    expect(verify(null, message, { key: jwk as never, format: 'jwk' }, await again.sign(message))).toBe(true);
    setUp({ key });
  });

  it('that does not sign is a failed connection', async () => {
    const key = { ...(await generateKey()), sign: () => Promise.reject(new Error('locked')) };
    const started = setUp({ key, maxAttempts: 1 }).start();
    const connection = await relay.accept();
    await connection.next('hello');
    connection.send({ type: 'challenge', nonce: NONCE, node: NODE });
    await expect(started).rejects.toMatchObject({ message: expect.stringContaining('locked') });
  });

  it('signs once for each connection, and only for who has one', async () => {
    const started = setUp({ key: await generateKey(), maxAttempts: 1 }).start();
    const connection = await relay.accept();
    const challenge = { type: 'challenge', nonce: NONCE, node: NODE } as const;
    connection.send(challenge);
    await connection.next('proof');
    connection.send(challenge);
    await expect(started).rejects.toMatchObject({ message: expect.stringContaining('a proof that is not due') });
    const without = setUp({ maxAttempts: 1 }).start();
    (await relay.accept()).send(challenge);
    await expect(without).rejects.toMatchObject({ message: expect.stringContaining('a proof that is not due') });
  });
});

it('options that cannot work are refused', async () => {
  const key = await generateKey();
  const token = async () => 'x';
  const code = expect.objectContaining({ code: 'bad_option' });
  expect(() => setUp({ key, token })).toThrow(code);
  expect(() => setUp({ key, peer: 'alice' })).toThrow(code);
  expect(() => setUp({ key: { ...key, publicKey: new Uint8Array(31) } })).toThrow(code);
  expect(() => setUp({ token: 'x' as never })).toThrow(code);
  setUp({ key, peer: peerIdOfKey(key.publicKey) });
});
