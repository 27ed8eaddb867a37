import { setTimeout as sleep } from 'node:timers/promises';
import { type RedisDeployment, startRedisCluster } from '../../kit/redis.ts';
import { type Relay, startCluster } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { waitFor } from '../../kit/wait.ts';
import { Crowd } from './crowd.ts';
import { type PeerReport, stormPeer } from './job.ts';
import { Feeder, Pair, quantile } from './traffic.ts';

export interface StormOptions {
  readonly peers: number;
  readonly leaseMs: number;
  /** Of running traffic before the node is killed. */
  readonly quietMs: number;
  readonly backoff: { readonly minMs: number; readonly maxMs: number };
  readonly say?: (line: string) => void;
}

export interface StormReport {
  readonly peers: number;
  /** Milliseconds from the first attempt to come back until all were registered elsewhere. */
  readonly registeredMs: number;
  /** Milliseconds from a peer's own first attempt until it was registered elsewhere; the longest. */
  readonly peerRegisteredMs: number;
  /** Milliseconds from a peer's WELCOME until it had the last message that was sent to it before the kill; the longest. */
  readonly hadAgainMs: number;
  /** Messages that had been receipted `queued`, or had no receipt yet, when the node was killed. */
  readonly underWay: number;
  readonly messages: number;
  readonly lost: readonly string[];
  readonly reordered: readonly string[];
  /** Of the running traffic, within one node and between two: milliseconds from SEND to receipt. */
  readonly sameNode: Delays;
  readonly crossNode: Delays;
  /** Commands that the relays sent for each peer that came back, by name; without those of links and inboxes. */
  readonly commandsPerPeer: ReadonlyMap<string, number>;
  /** Calls that Redis counted for each peer that came back, those within scripts included, the usual traffic taken off. */
  readonly callsPerPeer: number;
}

export interface Delays {
  readonly quietP99: number;
  /** From the kill until all peers were registered again. */
  readonly stormP99: number;
}

const SILENT_EVERY = 10;
const FEEDERS = 4;
const PAIRS = 4;
const EVERY_MS = 20;
/** The scripts that work on one peer. Those of links, inboxes and leases go with messages, or with the time. */
const BY_PEER = ['register', 'refresh', 'locateOrStore', 'mailboxAppend', 'mailboxRead', 'mailboxRemove', 'watch'];

/** What Redis was asked so far: by the relays' own count, and by its own. */
interface Asked {
  readonly at: number;
  readonly commands: ReadonlyMap<string, number>;
  readonly calls: number;
}

async function ask(relays: readonly Relay[], redis: RedisDeployment): Promise<Asked> {
  const all = await Promise.all(relays.map((relay) => relay.metrics()));
  const count = (command: string): number =>
    all.reduce((sum, metrics) => sum + metrics.value('causeway_redis_commands_total', { command }), 0);
  const stats = await redis.info('commandstats');
  const calls = stats.flatMap((one) => [...one.values()].map((value) => Number(/^calls=(\d+)/.exec(value)?.[1] ?? 0)));
  return {
    at: performance.now(),
    commands: new Map(BY_PEER.map((command) => [command, count(command)])),
    calls: calls.reduce((sum, one) => sum + one, 0),
  };
}

class Storm {
  readonly #options: StormOptions;
  readonly #scope: Scope;
  readonly #redis: RedisDeployment;
  readonly #victim: Relay;
  readonly #others: readonly Relay[];
  readonly #crowd: Crowd;
  readonly #names: readonly string[];
  #pairs: readonly Pair[] = [];
  #feeders: readonly Feeder[] = [];

  private constructor(options: StormOptions, scope: Scope, redis: RedisDeployment, relays: readonly Relay[]) {
    const [victim, ...others] = relays as [Relay, ...Relay[]];
    this.#options = options;
    this.#scope = scope;
    this.#redis = redis;
    this.#victim = victim;
    this.#others = others;
    this.#crowd = scope.keep(new Crowd());
    this.#names = Array.from({ length: options.peers }, (_, index) => stormPeer(index));
  }

  static async start(options: StormOptions, scope: Scope): Promise<Storm> {
    const redis = scope.keep(await startRedisCluster({ replicas: 0 }));
    const env = { CAUSEWAY_NODE_LEASE_MS: String(options.leaseMs) };
    const { relays } = scope.keep(await startCluster({ relays: 3, redis, env }));
    const storm = new Storm(options, scope, redis, relays);
    await storm.#begin();
    return storm;
  }

  async run(): Promise<StormReport> {
    const { peers, quietMs, say = () => undefined } = this.#options;
    this.#takeDurations();
    const begun = await ask(this.#others, this.#redis);
    await sleep(quietMs);
    const quiet = this.#takeDurations();
    const before = await ask(this.#others, this.#redis);

    // Some are stored, because their recipients are silent; of the rest many are under way when the node dies.
    await this.#feed((index) => index % SILENT_EVERY === 0);
    const underWay = this.#feed(() => true);
    const settled = this.#good().length + peers / 2;
    await waitFor(() => this.#good().length >= settled, { what: 'half of the messages have their receipts' });
    const receipted = this.#good().filter(({ status }) => status === 'delivered').length;
    this.#takeDurations();
    this.#victim.kill('SIGKILL');
    say('The node is killed.');
    await this.#crowd.until('all peers are registered again', ({ again }) => again === peers);
    const storm = this.#takeDurations();
    say('All are registered again.');
    await underWay;
    const messages = this.#good().length;
    await this.#crowd.until('all messages have been shown', ({ shown }) => shown === messages);
    const after = await ask(this.#others, this.#redis);
    const reports = await this.#crowd.report();
    await Promise.all(this.#pairs.map((pair) => pair.settle()));
    return {
      ...this.#check(reports),
      ...{ peers, messages, underWay: messages - receipted },
      sameNode: { quietP99: quantile(quiet.same, 0.99), stormP99: quantile(storm.same, 0.99) },
      crossNode: { quietP99: quantile(quiet.cross, 0.99), stormP99: quantile(storm.cross, 0.99) },
      commandsPerPeer: new Map(
        BY_PEER.map((name) => [name, ((after.commands.get(name) ?? 0) - (before.commands.get(name) ?? 0)) / peers]),
      ),
      callsPerPeer:
        (after.calls -
          before.calls -
          ((before.calls - begun.calls) / (before.at - begun.at)) * (after.at - before.at)) /
        peers,
    };
  }

  async #begin(): Promise<void> {
    const { peers, backoff, say = () => undefined } = this.#options;
    const urls = this.#others.map(({ url }) => url);
    const url = (index: number): string => urls[index % urls.length] as string;
    this.#crowd.start({ peers, urls: [this.#victim.url, ...urls], silentEvery: SILENT_EVERY, backoff });
    await this.#crowd.until('all peers are registered', ({ registered }) => registered === peers);
    say(`${peers} peers are registered.`);
    const pairs = Array.from({ length: PAIRS }, (_, index) =>
      Pair.start(`pair-${index}`, url(index), url(index + (isCross(index) ? 1 : 0)), EVERY_MS),
    );
    this.#pairs = (await Promise.all(pairs)).map((pair) => this.#scope.keep(pair));
    const feeders = Array.from({ length: FEEDERS }, (_, index) => Feeder.start(`feeder-${index}`, url(index)));
    this.#feeders = (await Promise.all(feeders)).map((feeder) => this.#scope.keep(feeder));
  }

  /** One message to each, always from the same feeder. */
  async #feed(isMeant: (index: number) => boolean): Promise<void> {
    await Promise.all(
      this.#feeders.map((feeder, own) =>
        feeder.feed(this.#names.filter((_, index) => index % FEEDERS === own && isMeant(index))),
      ),
    );
  }

  #good() {
    return this.#feeders.flatMap(({ good }) => good);
  }

  #takeDurations(): { readonly cross: readonly number[]; readonly same: readonly number[] } {
    const all = this.#pairs.map((pair) => pair.takeDurations());
    return {
      cross: all.filter((_, pair) => isCross(pair)).flat(),
      same: all.filter((_, pair) => !isCross(pair)).flat(),
    };
  }

  #check(reports: readonly PeerReport[]) {
    const shown = new Map(reports.map((report) => [report.peer, report.shown]));
    const lost = this.#good().filter(({ to, payload }) => !shown.get(to)?.includes(payload));
    const inOrder = (all: readonly string[]) => all.join() === all.toSorted((a, b) => number(a) - number(b)).join();
    return {
      lost: [
        ...lost.map(({ to, payload }) => `${payload} to ${to}`),
        ...this.#pairs.flatMap(({ sent, shown }) => sent.filter((payload) => !shown.includes(payload))),
      ],
      reordered: [
        ...reports.filter((report) => !inOrder(report.shown)).map(({ peer }) => peer),
        ...this.#pairs.flatMap((pair, index) => (inOrder(pair.shown) ? [] : [`pair-${index}`])),
      ],
      registeredMs:
        Math.max(...reports.map(({ welcomedAt }) => welcomedAt)) - Math.min(...reports.map(({ triedAt }) => triedAt)),
      peerRegisteredMs: Math.max(...reports.map(({ welcomedAt, triedAt }) => welcomedAt - triedAt)),
      hadAgainMs: Math.max(
        ...reports.map(({ welcomedAt, after }) => Math.max(welcomedAt, ...after.map(([, at]) => at)) - welcomedAt),
      ),
    };
  }
}

/** Half of the pairs cross nodes; of either kind there are as many on each node. */
function isCross(pair: number): boolean {
  return pair < PAIRS / 2;
}

/** Of a payload: `12`, or `feeder-1:12`. */
function number(payload: string): number {
  return Number(payload.split(':').at(-1));
}

/** Kills a node with many peers, and reports how they came back. */
export async function runStorm(options: StormOptions): Promise<StormReport> {
  const scope = new Scope();
  try {
    const storm = await Storm.start(options, scope);
    return await storm.run();
  } finally {
    await scope.end();
  }
}
