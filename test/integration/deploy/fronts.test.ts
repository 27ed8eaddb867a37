/** What is in `deploy/` for HAProxy and nginx, in front of three relays over a Redis Cluster. */
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { complaints } from '../../kit/observe.ts';
import { freePorts } from '../../kit/ports.ts';
import { startRedisCluster } from '../../kit/redis.ts';
import { type Relay, startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { startAll } from '../../kit/start-all.ts';
import { waitFor, within } from '../../kit/wait.ts';
import { ADMIN_TOKENS, askAdmin } from '../admin.ts';
import { range } from '../fixture.ts';
import { FRONTS, type Front, type FrontKind } from './fronts.ts';
import { titled } from './programs.ts';
import { Talker } from './talker.ts';

const RELAYS = 3;
const CLIENTS = 24;
/** More than any client has sent when nothing has happened yet. */
const SOME = 10;

const scope = new Scope();
afterEach(() => scope.end());

async function startBehind(front: FrontKind) {
  const redis = scope.keep(await startRedisCluster());
  const env = {
    ...front.env,
    CAUSEWAY_ADMIN_TOKENS: ADMIN_TOKENS,
    CAUSEWAY_DRAIN_SECONDS: '3',
    CAUSEWAY_NODE_LEASE_MS: '1500',
  };
  const ports = await freePorts(RELAYS);
  const start = async (index: number): Promise<Relay> =>
    scope.keep(await startRelay({ redis, env: { ...env, CAUSEWAY_PORT: String(ports[index]) } }));
  const relays = await startAll(range(0, RELAYS - 1).map(start));
  const running = scope.keep(await front.start(ports));
  return { relays, front: running, start, url: `ws://127.0.0.1:${running.port}` };
}

async function nodeAt({ port }: { readonly port: number }): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`);
  return ((await response.json()) as { node: string }).node;
}

/** A relay without clients is the first choice for the next one, once it is known to be there. */
async function untilChosen(front: Front, relay: Relay): Promise<void> {
  const node = await nodeAt(relay);
  const what = 'the proxy chooses the relay that has come';
  await waitFor(async () => (await nodeAt(front)) === node, { what, timeoutMs: 30_000 });
}

async function connections(relays: readonly Relay[]): Promise<number[]> {
  const all = await Promise.all(relays.map((relay) => relay.metrics()));
  return all.map((metrics) => metrics.value('causeway_connections'));
}

const untilConnected = (relays: readonly Relay[], count: number) =>
  waitFor(async () => (await connections(relays)).reduce((sum, one) => sum + one) === count, {
    what: `${count} clients are connected`,
    timeoutMs: 30_000,
  });

const untilAllShownMore = (talkers: readonly Talker[]) => {
  const before = talkers.map(({ shown }) => shown.length);
  return waitFor(() => talkers.every(({ shown }, index) => shown.length > (before[index] as number) + SOME), {
    what: 'all have been shown something new',
    timeoutMs: 30_000,
  });
};

/** A peer at an address of this machine, which may claim to be at another. */
async function comeFrom(url: string, localAddress: string, claimed?: string): Promise<WebSocket> {
  const headers = claimed === undefined ? {} : { 'x-forwarded-for': claimed };
  const socket = new WebSocket(`${url}/v1`, 'causeway.v1.json', { localAddress, headers });
  scope.keep({ stop: () => socket.terminate() });
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'hello', peer: `at-${localAddress}-${claimed}` }));
  const [welcome] = (await once(socket, 'message')) as [Buffer];
  expect(JSON.parse(welcome.toString())).toMatchObject({ type: 'welcome' });
  return socket;
}

for (const kind of FRONTS) {
  const { name, missing } = kind;
  describe.skipIf(missing)(titled(name, missing), () => {
    test('one relay is drained and one is killed while clients talk: nothing is lost, repeated or reordered', async () => {
      const { relays, front, start, url } = await startBehind(kind);
      const [drained, killed, staying] = relays as [Relay, Relay, Relay];
      const talkers = await Promise.all(
        range(0, CLIENTS - 1).map(async (index) =>
          scope.keep(new Talker()).start(url, `c${index}`, `c${(index + 1) % CLIENTS}`),
        ),
      );
      await untilAllShownMore(talkers);
      // Each has its share: who has the fewest got the next one.
      for (const count of await connections(relays)) expect(count).toBeGreaterThanOrEqual(CLIENTS / RELAYS / 2);

      expect(await drained.stop()).toBe(0);
      await untilConnected([killed, staying], CLIENTS);
      await untilAllShownMore(talkers);

      const fresh = await start(0);
      await untilChosen(front, fresh);
      killed.kill('SIGKILL');
      await untilConnected([fresh, staying], CLIENTS);
      await untilAllShownMore(talkers);
      for (const count of await connections([fresh, staying])) expect(count).toBeGreaterThan(0);

      const receipts = (await Promise.all(talkers.map((talker) => talker.finish()))).flat();
      expect(receipts.filter(({ status }) => status !== 'delivered' && status !== 'queued')).toEqual([]);
      for (const [index, { receipts: sent }] of talkers.entries()) {
        const { shown } = talkers[(index + 1) % CLIENTS] as Talker;
        await waitFor(() => shown.length >= sent.length, { what: 'everything has been shown' });
        expect(shown).toEqual(range(1, sent.length));
      }
      // Whoever had to go elsewhere was let in at once: the proxy tried the next relay by itself.
      expect(talkers.map(({ failed }) => failed)).toEqual(talkers.map(() => 0));
      expect([drained, fresh, staying].flatMap(complaints)).toEqual([]);
    });

    test("a client's own address reaches the relays, whatever it claims", async () => {
      const { relays, url } = await startBehind(kind);
      const banned = await comeFrom(url, '127.0.0.2');
      const liar = await comeFrom(url, '127.0.0.2', '127.0.0.3');
      const other = await comeFrom(url, '127.0.0.3');
      const closed = Promise.all([banned, liar].map((socket) => once(socket, 'close')));
      const body = { kind: 'address', range: '127.0.0.2' };
      expect((await askAdmin(relays[0] as Relay, 'POST', '/admin/bans', { body })).status).toBe(201);
      const codes = (await within(closed, 10_000, () => 'both to be closed')).map(([code]) => code);
      expect(codes).toEqual([4403, 4403]);

      // It is served on: its answer comes.
      other.send(JSON.stringify({ type: 'watch', peers: ['nobody'] }));
      const [presence] = (await once(other, 'message')) as [Buffer];
      expect(JSON.parse(presence.toString())).toMatchObject({ type: 'presence', peer: 'nobody' });
    });
  });
}
