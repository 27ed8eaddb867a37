import { CloseCode, type ErrorFrame } from '@causeway/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, type ClientOptions, createClient, generateKey } from '../../../packages/client/src/index.ts';
import { startRedisCluster } from '../../kit/redis.ts';
import { type Relay, startRelay } from '../../kit/relay.ts';
import { range, useCluster } from '../fixture.ts';
import { AUTH_ENV, mint, SKEW_SECONDS, seconds, writeAccess } from './fixture.ts';

const cluster = useCluster({ relays: 3, env: AUTH_ENV, startRedis: () => startRedisCluster({ replicas: 0 }) });

beforeEach(() => writeAccess(cluster.redis.url, {}));

const clients: Client[] = [];
afterEach(() => Promise.all(clients.splice(0).map((client) => client.stop())));

function client(relay: number, options: Partial<ClientOptions>): Client {
  const made = createClient({ url: cluster.url(relay), realm: 'acme', backoff: { minMs: 1, maxMs: 50 }, ...options });
  clients.push(made);
  return made;
}

async function member(relay: number, peer: string, token = () => mint(peer)): Promise<Client> {
  const made = client(relay, { token });
  await made.start();
  return made;
}

/** How a relay ends a connection that says this HELLO. */
async function turnedAway(relay: Relay | number, hello: object): Promise<[ErrorFrame, number]> {
  const url = typeof relay === 'number' ? cluster.url(relay) : relay.url;
  const peer = await cluster.connect(0, { url });
  peer.sendHello(hello);
  const error = await peer.next('error');
  return [error, (await peer.closed).code];
}

const withToken = (token: string, realm = 'acme') => ({ realm, auth: { scheme: 'token' as const, token } });

describe('members', () => {
  it('by token and by key reach each other over nodes, and nobody else in their realms', async () => {
    const [alice, bob] = await Promise.all([member(0, 'alice'), member(1, 'bob')]);
    const [first, second] = await Promise.all([generateKey(), generateKey()]);
    const [carol, dave] = [client(1, { realm: 'keys', key: first }), client(2, { realm: 'keys', key: second })];
    await Promise.all([carol.start(), dave.start()]);
    for (const [from, to] of [
      [alice, bob],
      [carol, dave],
    ] as const) {
      const sent = from.send(String(to.peer), 'hello');
      const { value } = await to.messages().next();
      expect([value?.from, value?.text(), (await sent).status]).toEqual([from.peer, 'hello', 'delivered']);
    }
  });

  it.each([
    ['no token', () => ({})],
    ['a token of another peer', async () => ({ peer: 'mallory', token: () => mint('alice') })],
    ['a token of another realm', async () => ({ realm: 'rival', token: () => mint('alice') })],
    ["a token that another realm's issuer signed", async () => ({ token: () => mint('alice', {}, 'rival') })],
    [
      'a key that is not theirs',
      async () => {
        const [own, other] = [await generateKey(), await generateKey()];
        return { realm: 'keys', key: { publicKey: other.publicKey, sign: own.sign } };
      },
    ],
  ])('are not those with %s', async (_, options) => {
    const stranger = client(0, await options());
    await expect(stranger.start()).rejects.toMatchObject({ code: 'unauthorized', closeCode: CloseCode.unauthorized });
  });

  it('may come with a clock that is off by the skew, and no more', async () => {
    const near = SKEW_SECONDS - 2;
    for (const claims of [{ nbf: seconds() + near }, { iat: seconds() + near }, { exp: seconds() - near }]) {
      await (await cluster.join(1, withToken(await mint('alice', claims)))).close();
    }
    const verdicts = [];
    for (const claims of [{ nbf: seconds() + 20 }, { iat: seconds() + 20 }, { exp: seconds() - 20 }]) {
      const [{ code }, close] = await turnedAway(1, withToken(await mint('alice', claims)));
      verdicts.push([code, close]);
    }
    expect(verdicts).toEqual([
      ['unauthorized', CloseCode.unauthorized],
      ['unauthorized', CloseCode.unauthorized],
      ['expired', CloseCode.expired],
    ]);
  });
});

it('a member whose token ends comes back with a fresh one, and misses nothing', async () => {
  let tokens = 0;
  // Each is good for the rest of the skew only.
  const alice = await member(0, 'alice', () => {
    tokens += 1;
    return mint('alice', { exp: seconds() - SKEW_SECONDS + 2 });
  });
  const bob = await member(1, 'bob');
  const shown: string[] = [];
  const reading = (async () => {
    for await (const message of alice.messages()) shown.push(`${message.from} ${message.text()}`);
  })();
  const echoed: string[] = [];
  const listening = (async () => {
    for await (const message of bob.messages()) echoed.push(message.text());
  })();
  let sent = 0;
  while (alice.stats().reconnects < 3) {
    sent += 1;
    await Promise.all([bob.send('alice', String(sent)), alice.send('bob', String(sent))]);
  }
  await Promise.all([alice.stop(), bob.stop(), reading, listening]);
  expect(shown).toEqual(range(1, sent).map((number) => `bob ${number}`));
  expect(echoed).toEqual(range(1, sent).map(String));
  expect(tokens).toBeGreaterThan(alice.stats().reconnects);
  expect(await cluster.total('causeway_connections_closed_total', { code: '4003' })).toBeGreaterThanOrEqual(3);
});

it('a relay for some realms refuses the others in the same words, be they known or not', async () => {
  const env = { ...AUTH_ENV, CAUSEWAY_REALMS: 'acme' };
  const relay = cluster.keep(await startRelay({ redis: cluster.redis, env }));
  const [known, unknown] = [await turnedAway(relay, { realm: 'keys' }), await turnedAway(relay, { realm: 'nobody' })];
  expect(known).toEqual([
    expect.objectContaining({ code: 'forbidden', message: 'this relay does not serve the realm' }),
    CloseCode.forbidden,
  ]);
  expect(unknown).toEqual(known);
  await cluster.join(0, withToken(await mint('alice')), { url: relay.url });
});
