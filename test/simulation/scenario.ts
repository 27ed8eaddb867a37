import { ReceiptStatus, SendFlag } from '@causeway/protocol';
import { expect } from 'vitest';
import type { Settings } from '../../services/relay/src/core/settings.ts';
import type { EmbeddedCluster } from '../../services/relay/src/embedded/cluster.ts';
import { createRng, type Rng } from '../kit/rng.ts';
import { type Nodes, type SimNode, startNodes } from './cluster.ts';
import { type Faults, outages } from './faulty-store.ts';
import { Mishaps, type MishapTimes } from './mishaps.ts';
import { SimRecipient, SimSender } from './peers.ts';
import { World } from './world.ts';

/** Times in milliseconds. */
export interface Scenario extends MishapTimes {
  readonly nodes: number;
  readonly recipients: number;
  /** To each recipient. */
  readonly senders: number;
  /** Of each sender. */
  readonly messages: number;
  /** Of each sender. */
  readonly window: number;
  /** Between two messages of a sender; 0 for as fast as the window allows. */
  readonly pace: number;
  readonly flags: (number: number) => number;
  readonly faults: Faults;
  /** Between outages of the store, which last 500 to 1500; 0 for none. */
  readonly outageEvery: number;
  /** Between the recipients' moves; 0 for none. */
  readonly hopEvery: number;
  /** Longest pause between two connections of a recipient. */
  readonly awayFor: number;
  /** Recipients come back to the node that they were on. */
  readonly stays: boolean;
  readonly cutSendersEvery: number;
  /** Acknowledgments come after up to so long; Infinity for a recipient that is silent on every other connection. */
  readonly ackWithin: number;
  /** The first node stops at this time; 0 for never. */
  readonly stopAt: number;
  /** A node that is reaping another one is killed as well. */
  readonly killReapers: boolean;
  readonly settings: Partial<Settings>;
}

const CALM: Faults = { delayMs: 0, lost: 0, cut: 0 };

export const STEADY: Scenario = {
  nodes: 3,
  recipients: 1,
  senders: 5,
  messages: 300,
  window: 64,
  pace: 0,
  flags: () => 0,
  faults: CALM,
  outageEvery: 0,
  hopEvery: 0,
  awayFor: 0,
  stays: false,
  cutSendersEvery: 0,
  ackWithin: 10,
  stopAt: 0,
  killEvery: 0,
  pauseEvery: 0,
  emptyEvery: 0,
  killReapers: false,
  settings: {},
};

export interface Played extends Nodes {
  readonly recipients: readonly SimRecipient[];
  readonly senders: readonly SimSender[];
}

/** Plays the scenario to its end, when everybody has gone and everything has come to rest. */
export async function play(seed: number, scenario: Scenario): Promise<Played> {
  const rng = createRng(seed);
  const world = new World();
  const isOut = outages(world, rng.fork(), scenario.outageEvery, 500, 1500);
  const { faults, settings: changes } = scenario;
  const started = startNodes(scenario.nodes, { world, rng, faults, isOut, changes });
  await world.run(30_000, isDone(started));
  const nodes = await started;
  const stage = new Stage(world, rng, scenario, nodes);
  await stage.play();
  return { ...nodes, recipients: stage.recipients, senders: stage.senders };
}

/** Whether a promise has been kept, for a world whose time must pass meanwhile. */
export function isDone(work: Promise<unknown>): () => boolean {
  let done = false;
  work.then(() => {
    done = true;
  });
  return () => done;
}

class Stage {
  readonly recipients: readonly SimRecipient[];
  readonly senders: readonly SimSender[];
  private readonly world: World;
  private readonly rng: Rng;
  private readonly scenario: Scenario;
  private readonly nodes: readonly SimNode[];
  private readonly shared: EmbeddedCluster;
  private stopping: SimNode | null = null;
  private over = false;
  private readonly killedReapers = new Set<string>();
  private readonly mishaps: Mishaps;

  constructor(world: World, rng: Rng, scenario: Scenario, { nodes, shared }: Nodes) {
    this.world = world;
    this.rng = rng;
    this.scenario = scenario;
    this.nodes = nodes;
    this.shared = shared;
    this.mishaps = new Mishaps({ world, rng, nodes, shared, isOver: () => this.over });
    this.recipients = Array.from({ length: scenario.recipients }, (_, i) => this.createRecipient(i));
    this.senders = this.recipients.flatMap((recipient, i) =>
      Array.from({ length: scenario.senders }, (_, j) => this.createSender(recipient, i, j)),
    );
  }

  async play(): Promise<void> {
    const { world, scenario, recipients, senders } = this;
    for (const [i, recipient] of recipients.entries()) {
      recipient.connect(this.nodes[i % this.nodes.length] as SimNode);
    }
    // The full mailbox of a peer that was never seen evicts, which is a loss that is right.
    await world.run(10_000, () => recipients.every(({ wasWelcomed }) => wasWelcomed));
    for (const recipient of recipients) if (scenario.hopEvery > 0) this.hop(recipient);
    for (const sender of senders) sender.connect();
    if (scenario.cutSendersEvery > 0) this.cutSenders();
    if (scenario.stopAt > 0) world.after(scenario.stopAt, () => this.stopFirst());
    this.mishaps.start(scenario);
    if (scenario.killReapers) this.watchReapers();
    const settled = await world.run(600_000, () => this.isSettled);
    expect(settled, this.describe()).toBe(true);
    this.over = true;
    await world.run(10_000, () => this.nodes.every((node) => node === this.stopping || node.isUp));
    for (const recipient of recipients) if (recipient.wire === null) recipient.connect(this.open[0] as SimNode);
    await world.run(300_000, () => [...this.shared.peers.values()].every(({ mailbox }) => mailbox.entries.size === 0));
    await world.run(30_000, () => false);
    for (const sender of senders) sender.leave();
    for (const recipient of recipients) recipient.leave();
    await world.run(20_000, () => false);
  }

  private get isSettled(): boolean {
    const isQuiet = ({ relay }: SimNode): boolean => relay === null || relay.gauges(0).sendsPending === 0;
    return this.senders.every((sender) => sender.done) && this.nodes.every(isQuiet);
  }

  /** Where clients can connect; a node that does not run for a while still takes them, and says nothing. */
  private get open(): readonly SimNode[] {
    return this.nodes.filter((node) => node !== this.stopping && (node.isUp || node.isPaused));
  }

  private describe(): string {
    return this.senders
      .map(({ id, to, outcomes, refusals, connections }) => {
        return `${id} to ${to}: ${outcomes.size} outcomes, ${refusals} refusals, ${connections} connections`;
      })
      .join('; ');
  }

  private createRecipient(number: number): SimRecipient {
    let silent = false;
    const { ackWithin } = this.scenario;
    const recipient: SimRecipient = new SimRecipient(`r${number}`, this.world, {
      ackAfter: () => {
        if (Number.isFinite(ackWithin)) return this.rng.next() * ackWithin;
        return silent && !this.over ? Number.POSITIVE_INFINITY : 5;
      },
      onClosed: () => {
        silent = !silent;
        this.world.after(30, () => {
          if (recipient.wire === null && !recipient.isAway) recipient.connect(this.rng.pick(this.open));
        });
      },
    });
    return recipient;
  }

  private createSender(to: SimRecipient, recipient: number, number: number): SimSender {
    const { messages, window, pace, flags, cutSendersEvery } = this.scenario;
    const home = this.nodes[(recipient + number) % this.nodes.length] as SimNode;
    const entrance = (): SimNode => {
      if (cutSendersEvery > 0) return this.rng.pick(this.open);
      return this.open.includes(home) ? home : (this.open[0] as SimNode);
    };
    const id = `s${number}-${to.id}`;
    return new SimSender({ id, to: to.id, total: messages, window, pace, flags, entrance }, this.world);
  }

  private hop(recipient: SimRecipient): void {
    const { world, rng, scenario } = this;
    world.after(scenario.hopEvery * (0.5 + rng.next()), () => {
      if (this.over) return;
      const next = scenario.stays ? (this.nodes[0] as SimNode) : rng.pick(this.open);
      if (rng.chance(0.5)) recipient.leave();
      world.after(rng.chance(0.3) ? rng.next() * scenario.awayFor : 0, () => recipient.connect(next));
      this.hop(recipient);
    });
  }

  private cutSenders(): void {
    this.world.after(this.scenario.cutSendersEvery * (0.5 + this.rng.next()), () => {
      if (this.over) return;
      this.rng.pick(this.senders).cut();
      this.cutSenders();
    });
  }

  private stopFirst(): void {
    this.stopping = this.nodes[0] as SimNode;
    void this.stopping.relay?.stop(25_000);
  }

  private watchReapers(): void {
    this.world.after(10, () => {
      if (this.over) return;
      for (const { state, reaper } of this.shared.logs.values()) {
        if (state !== 'reaping' || this.killedReapers.has(reaper as string)) continue;
        const node = this.nodes.find(({ relay }) => relay?.settings.node === reaper);
        this.killedReapers.add(reaper as string);
        if (node !== undefined && this.killedReapers.size % 2 === 1) this.mishaps.kill(node);
      }
      this.watchReapers();
    });
  }
}

/**
 * What must hold in the end: each sender's messages were shown in the order sent, none twice, and none is missing but
 * what its sender was told was not delivered; nobody holds anything any more.
 */
export function expectAllIsWell({ recipients, senders, nodes, shared }: Played, scenario: Scenario): void {
  for (const sender of senders) {
    const shown = shownFrom(sender, recipients);
    const owed = Array.from({ length: scenario.messages }, (_, number) => number).filter((number) => {
      const outcome = sender.outcomes.get(number);
      // What only the store held is lost with it.
      if (scenario.emptyEvery > 0 && outcome === ReceiptStatus.queued && !shown.includes(number)) return false;
      const isUnowed = outcome === undefined && (scenario.flags(number) & SendFlag.noReceipt) !== 0;
      return isUnowed || outcome === ReceiptStatus.delivered || outcome === ReceiptStatus.queued;
    });
    const unconfirmed = shown.filter((number) => sender.outcomes.get(number) === ReceiptStatus.unconfirmed);
    expect(shown).toEqual([...owed, ...unconfirmed].sort((a, b) => a - b));
    expect(sender.doubleReceipts).toBe(0);
  }
  for (const [index, { relay, counters, tracer }] of nodes.entries()) {
    expect(counters.drops.evicted).toBe(0);
    if (relay === null) throw new Error('a node did not start again');
    const { registrations, catchingUp, linkBytes, inboxUnsettled, watchedPeers, sendsPending } = relay.gauges(0);
    expect({ registrations, catchingUp, inboxUnsettled, watchedPeers, sendsPending }).toEqual({
      registrations: 0,
      catchingUp: 0,
      inboxUnsettled: 0,
      watchedPeers: 0,
      sendsPending: 0,
    });
    expect(tracer.open).toEqual([]);
    // The answers to probes stay, because nothing answers those; a node that has stopped hears of nothing.
    if (index > 0 || scenario.stopAt === 0) expect(linkBytes).toBeLessThan(500);
  }
  expect([...shared.peers].filter(([, { mailbox }]) => mailbox.entries.size > 0)).toEqual([]);
  expect([...shared.peers].filter(([, { location }]) => location?.owner || location?.prev.length)).toEqual([]);
  expect([...shared.logs.values()].filter(({ entries, bytes }) => entries.length > 0 || bytes > 0)).toEqual([]);
  expect([...shared.nodes.values()].filter(({ state }) => state === 'dead')).toEqual([]);
}

function shownFrom(sender: SimSender, recipients: readonly SimRecipient[]): number[] {
  const shown = recipients.find(({ id }) => id === sender.to)?.shown ?? [];
  return shown.filter((line) => line.startsWith(`${sender.id} `)).map((line) => Number(line.split(' ')[1]));
}
