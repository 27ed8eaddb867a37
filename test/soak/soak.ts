import { setTimeout as sleep } from 'node:timers/promises';
import { check, type Violation } from '../chaos/checker.ts';
import { narrate } from '../chaos/narrative.ts';
import { crossingShare } from '../chaos/windows.ts';
import { nodeOf } from '../kit/observe.ts';
import type { RedisDeployment } from '../kit/redis.ts';
import type { Rng } from '../kit/rng.ts';
import { waitFor } from '../kit/wait.ts';
import { type ComingsCounts, tally } from './comings.ts';
import { countKeys, type KeyCounts } from './keys.ts';
import { type NodeSample, type Sample, takeSample } from './sample.ts';
import { findGrowth, findLasting, findOpenFiles } from './verdict.ts';
import { findInconsistency, type SoakWorld, startSoakWorld, TTL_SECONDS } from './world.ts';

export interface SoakOptions {
  readonly minutes: number;
  /** Messages in a second. */
  readonly rate: number;
  readonly rng: Rng;
  /** Ends the traffic early; what follows it is done all the same. */
  readonly signal: AbortSignal;
  print(line: string): void;
}

export interface SoakResult {
  /** Whatever is not as it should be. */
  readonly findings: readonly string[];
  readonly messages: number;
  /** Messages that their sender was told are refused. */
  readonly refused: number;
  /** Refusals for now, which the clients' library met by sending again. */
  readonly refusals: number;
  readonly violations: readonly Violation[];
  /** Share of the messages whose recipient was on another node. */
  readonly crossing: number;
  /** To peers that never came. */
  readonly forgotten: number;
  readonly presenceChanges: number;
  readonly comings: ComingsCounts;
  /** Of all nodes, each time. */
  readonly consistencyChecks: number;
  /** One in each minute of traffic. */
  readonly samples: readonly Sample[];
  /** When all clients have left, and what they left behind in Redis has ended. */
  readonly end: Sample;
  readonly keysAtEnd: KeyCounts;
  /** When the relays have ended as well. */
  readonly keysWithoutNodes: KeyCounts;
}

const MS_PER_MINUTE = 60_000;
const SLICE_MINUTES = 5;
/** Generous: they bound a failing run, they are no assertions about speed. */
const QUIET_TIMEOUT_MS = 60_000;
const LEFT_TIMEOUT_MS = 60_000;
/** For what should not come any more. */
const SETTLE_MS = 1000;
/** Redis keeps the keys of a mailbox and of a location longer than what is in them. */
const KEY_SLACK_MS = 90_000;
/** Kinds of keys that may be there without clients: those of nodes, and watches, which end after ten minutes. */
const NODE_KINDS = ['nodes', 'state', 'inbox', 'links', 'tunnels'];
const WATCH_KIND = 'watch';
const NARRATED = 3;
const MEBIBYTE = 2 ** 20;

/** Traffic in slices, each of which is checked as a whole, so that histories do not pile up. */
class Soak {
  readonly #world: SoakWorld;
  readonly #options: SoakOptions;
  readonly #began = performance.now();
  readonly findings: string[] = [];
  readonly samples: Sample[] = [];
  readonly violations: Violation[] = [];
  messages = 0;
  refused = 0;
  refusals = 0;
  crossing = 0;
  consistencyChecks = 0;

  constructor(world: SoakWorld, options: SoakOptions) {
    this.#world = world;
    this.#options = options;
  }

  get #minute(): number {
    return (performance.now() - this.#began) / MS_PER_MINUTE;
  }

  get #failed(): boolean {
    const { crowd, comings, watchers, forgetter, relays, complaints } = this.#world;
    const failures = [...crowd.recorders, comings, ...watchers, forgetter].map(({ failure }) => failure);
    for (const failure of failures.filter((one) => one !== null)) this.#find(`a client failed: ${failure}`);
    for (const relay of relays) if (!relay.isAlive()) this.#find(`the relay on ${relay.port} ended by itself`);
    for (const record of complaints) this.#find(`a relay logged ${JSON.stringify(record)}`);
    return this.findings.length > 0;
  }

  /** Until the time is up, or something is wrong. */
  async traffic(): Promise<void> {
    const { minutes, signal } = this.#options;
    const goesOn = (): boolean => !signal.aborted && this.#minute < minutes && !this.#failed;
    this.#world.forgetter.run();
    while (goesOn()) {
      this.#world.crowd.run();
      this.#world.comings.run();
      const end = Math.min(minutes, (Math.floor(this.#minute / SLICE_MINUTES) + 1) * SLICE_MINUTES);
      while (goesOn() && this.#minute < end) await this.#oneMinute(end);
      await this.consistency();
      await this.#endSlice();
    }
  }

  /** All clients leave, and what they left behind in Redis ends. */
  async leave(): Promise<{ readonly end: Sample; readonly keys: KeyCounts }> {
    const { crowd, watchers, forgetter, relays, redis } = this.#world;
    await this.consistency();
    this.#options.print('All clients leave...');
    await crowd.stop();
    await this.#try(Promise.all(watchers.map((watcher) => watcher.untilAll(false))));
    await Promise.all([...watchers, forgetter].map((client) => client.stop()));
    const connections = async (): Promise<number> =>
      (await this.#sample()).nodes.reduce((sum, node) => sum + node.connections, 0);
    await this.#try(
      waitFor(async () => (await connections()) === 0, { what: 'no relay has a client', timeoutMs: LEFT_TIMEOUT_MS }),
    );
    this.#options.print('What they left behind in Redis ends...');
    const keys = await this.#untilEnded(redis);
    await this.consistency();
    const end = await this.#sample();
    const names = await Promise.all(relays.map(nodeOf));
    for (const finding of [
      ...findGrowth(this.samples),
      ...findOpenFiles(this.samples, end),
      ...findLasting(keys.lasting, names),
    ])
      this.#find(finding);
    return { end, keys };
  }

  /** Every node says of itself that all is as it should be. */
  async consistency(): Promise<void> {
    const found = await findInconsistency(this.#world.relays);
    this.consistencyChecks += 1;
    this.#options.print(`consistency: ${found.length === 0 ? 'ok on every node' : 'not ok'}`);
    for (const finding of found) this.#find(finding);
  }

  /** The relays end, and leave nothing in Redis that lasts. */
  async endRelays(): Promise<KeyCounts> {
    const { relays, redis } = this.#world;
    const codes = await Promise.all(relays.map((relay) => relay.stop()));
    for (const [index, code] of codes.entries()) if (code !== 0) this.#find(`node ${index} ended with ${code}`);
    const keys = await countKeys(redis.nodes);
    for (const finding of findLasting(keys.lasting, [])) this.#find(finding);
    return keys;
  }

  async #oneMinute(end: number): Promise<void> {
    const next = Math.min(end, Math.floor(this.#minute) + 1);
    const wait = Math.max(0, next - this.#minute) * MS_PER_MINUTE;
    await sleep(wait, undefined, { signal: this.#options.signal }).catch(() => undefined);
    const sample = await this.#sample();
    this.samples.push(sample);
    this.#options.print(progress(sample, this.samples.at(-2)));
    const { watchers } = this.#world;
    await watchers[this.samples.length % watchers.length]?.renew();
  }

  async #sample(): Promise<Sample> {
    const { relays, redis, crowd, comings } = this.#world;
    return takeSample(relays, redis, { minute: this.#minute, messages: crowd.sent + comings.sent });
  }

  /** Everyone comes back, all that is promised is shown, and the checker looks at everything. */
  async #endSlice(): Promise<void> {
    const { crowd, comings, watchers } = this.#world;
    await comings.pause();
    crowd.pause();
    const visitors = comings.take();
    const done = (): boolean => {
      const { promised, shown } = tally(visitors);
      const sum = (count: 'promised' | 'shownCount' | 'underWay'): number =>
        crowd.recorders.reduce((total, recorder) => total + recorder[count], 0);
      return sum('underWay') === 0 && shown + sum('shownCount') >= promised + sum('promised');
    };
    await this.#try(waitFor(done, { what: 'all is shown', timeoutMs: QUIET_TIMEOUT_MS }));
    await this.#try(Promise.all(watchers.map((watcher) => watcher.untilAll(true))));
    await sleep(SETTLE_MS);
    const histories = [...crowd.take(), ...visitors];
    const { messages, refused, violations } = check(histories);
    this.crossing += crossingShare(histories) * messages;
    this.messages += messages;
    this.refused += refused;
    this.refusals += histories.reduce((sum, one) => sum + one.refusals.length, 0);
    this.violations.push(...violations);
    this.#options.print(`checked ${messages} messages: ${violations.length} violations, ${refused} refused`);
    if (refused > 0) this.#find(`${refused} messages were refused`);
    for (const one of violations) this.#find(`${one.kind}: ${one.from} to ${one.to}, id ${one.id}: ${one.detail}`);
    for (const one of violations.slice(0, NARRATED)) this.#options.print(narrate(one, histories));
  }

  /** Keys of mailboxes and locations; then those of nodes and watches are left. */
  async #untilEnded(redis: RedisDeployment): Promise<KeyCounts> {
    const expected = [...NODE_KINDS, WATCH_KIND];
    const deadline = performance.now() + TTL_SECONDS * 1000 + KEY_SLACK_MS;
    for (;;) {
      const keys = await countKeys(redis.nodes);
      const left = Object.entries(keys.byKind).filter(([kind]) => !expected.includes(kind));
      if (left.length === 0) return keys;
      if (performance.now() > deadline) {
        this.#find(`keys are left in Redis: ${left.map(([kind, count]) => `${count} ${kind}`).join(', ')}`);
        return keys;
      }
      await sleep(SETTLE_MS);
    }
  }

  async #try(wait: Promise<unknown>): Promise<void> {
    await wait.catch((error: unknown) => this.#find(error instanceof Error ? error.message : String(error)));
  }

  #find(finding: string): void {
    if (this.findings.includes(finding)) return;
    this.findings.push(finding);
    this.#options.print(`FAILED: ${finding}`);
  }
}

function perNode({ nodes }: Sample, show: (node: NodeSample) => number): string {
  return nodes.map((node) => Math.round(show(node))).join(' / ');
}

function progress(sample: Sample, before: Sample | undefined): string {
  const seconds = (sample.minute - (before?.minute ?? 0)) * 60;
  return [
    `${sample.messages} messages (${Math.round((sample.messages - (before?.messages ?? 0)) / seconds)}/s)`,
    `resident ${perNode(sample, ({ rssBytes }) => rssBytes / MEBIBYTE)} MiB`,
    `open files ${perNode(sample, ({ files }) => files)} for ${perNode(sample, ({ connections }) => connections)} clients`,
    `loop lag p99 ${perNode(sample, ({ lagP99Ms }) => lagP99Ms)} ms`,
    `Redis ${(sample.redisBytes / MEBIBYTE).toFixed(1)} MiB, ${sample.redisKeys} keys`,
  ].join('; ');
}

/** Moderate load without faults for a long time: nothing may be lost on the way, and nothing kept for ever. */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const world = await startSoakWorld(options.rng, options.rate);
  try {
    const soak = new Soak(world, options);
    await soak.traffic();
    const { end, keys } = await soak.leave();
    const keysWithoutNodes = await soak.endRelays();
    const { findings, messages, refused, refusals, violations, consistencyChecks, samples } = soak;
    return {
      ...{ findings, messages, refused, refusals, violations, consistencyChecks, samples, end },
      crossing: soak.crossing / Math.max(1, messages),
      forgotten: world.forgetter.sent,
      presenceChanges: world.watchers.reduce((sum, { changes }) => sum + changes, 0),
      comings: world.comings.counts,
      keysAtEnd: keys,
      keysWithoutNodes,
    };
  } finally {
    await world.stop();
  }
}
