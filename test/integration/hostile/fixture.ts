import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { Flow } from '../../kit/flow.ts';
import type { Metrics } from '../../kit/metrics.ts';
import { complaints } from '../../kit/observe.ts';
import { connectPeer, type Hello, type RawPeer } from '../../kit/peer.ts';
import { Reader } from '../../kit/reader.ts';
import { type Env, type Relay, startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { waitFor } from '../../kit/wait.ts';
import { numbered, range } from '../fixture.ts';

const MIB = 1024 * 1024;
/** In one conversation; at the most it outlasts each attack. */
const LEAST_MESSAGES = 1000;
const MOST_MESSAGES = 300_000;
/** What a collected heap, code that was compiled and the allocator's free lists may keep. */
const SLACK = 96 * MIB;
/** Long enough for what ends by itself: handshakes 10 s, closes that nobody answers 8 s. */
const AT_REST_MS = 40_000;
const EMPTY = ['connections', 'registrations', 'pending_sends', 'watched_peers', 'cached_routes'] as const;

export interface Victim {
  readonly relay: Relay;
  connect(hello?: Hello): Promise<RawPeer>;
  keep: Scope['keep'];
  /** Runs an attack while two peers talk: all their messages must arrive, in order and once, and none be refused. */
  during(attack: () => Promise<unknown>): Promise<void>;
  /** Sum of a metric since the start of the test. */
  since(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** Nothing is left of any connection, and each was closed under a code that is counted by its name. */
  atRest(): Promise<void>;
}

/** One relay for all tests of a file, which begins to serve before the first. */
export function useVictim(env: Env = {}): Victim {
  const servers = new Scope();
  const scope = new Scope();
  let relay: Relay | undefined;
  let before: Metrics | undefined;
  let resident = 0;
  let talks = 0;

  /** Two peers that talk from here on until the end is asked for, which checks all that was said. */
  const talk = async (): Promise<() => Promise<void>> => {
    talks += 1;
    const [to, from] = [`reader-${talks}`, `writer-${talks}`];
    const reader = scope.keep(new Reader({ peer: to }));
    await reader.connect(self.relay.url);
    const flow = scope.keep(new Flow({ url: self.relay.url, from, to, payloads: numbered(MOST_MESSAGES), window: 2 }));
    await flow.start();
    return async () => {
      await reader.until(LEAST_MESSAGES);
      const count = flow.end();
      await flow.finish();
      await reader.until(count);
      expect(reader.ids(from)).toEqual(range(1, count));
      expect([reader.duplicates, flow.refusals, flow.faults, reader.faults]).toEqual([0, 0, [], []]);
    };
  };

  beforeAll(async () => {
    relay = servers.keep(await startRelay({ env }));
    await (await talk())();
    await scope.end();
    await self.atRest();
    resident = await relay.rss();
    before = await relay.metrics();
  });
  afterEach(() => scope.end());
  afterAll(async () => {
    const code = await relay?.stop();
    await servers.end();
    expect([relay && complaints(relay), code]).toEqual([[], 0]);
  });

  const self: Victim = {
    get relay() {
      if (relay === undefined) throw new Error('the relay is not started yet');
      return relay;
    },
    async connect(hello) {
      const peer = scope.keep(await connectPeer({ url: self.relay.url }));
      if (hello !== undefined) await peer.hello(hello);
      return peer;
    },
    keep: (started) => scope.keep(started),
    async during(attack) {
      const finish = await talk();
      await attack();
      await finish();
    },
    async since(name, labels = {}) {
      return (await self.relay.metrics()).value(name, labels) - (before?.value(name, labels) ?? 0);
    },
    async atRest() {
      await scope.end();
      for (const gauge of EMPTY) {
        const read = async (): Promise<boolean> => (await self.relay.metrics()).value(`causeway_${gauge}`) === 0;
        await waitFor(read, { what: `${gauge} is 0`, timeoutMs: AT_REST_MS });
      }
      const metrics = await self.relay.metrics();
      const closed = metrics.value('causeway_connections_closed_total');
      expect(closed).toBe(metrics.value('causeway_connections_opened_total'));
      expect(metrics.value('causeway_connections_closed_total', { code: 'other' })).toBe(0);
      if (resident > 0) expect((await self.relay.rss()) - resident).toBeLessThan(SLACK);
    },
  };
  return self;
}
