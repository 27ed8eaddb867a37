import { ReceiptStatus, SendFlag } from '@causeway/protocol';
import { expect } from 'vitest';
import type { Relay } from '../../services/relay/src/core/relay.ts';
import type { Settings } from '../../services/relay/src/core/settings.ts';
import { createRng, type Rng } from '../kit/rng.ts';
import { type Nodes, startNodes } from './cluster.ts';
import { type Faults, outages } from './faulty-store.ts';
import { SimRecipient, SimSender } from './peers.ts';
import { World } from './world.ts';

/** Times in milliseconds. */
export interface Scenario {
  readonly nodes: number;
  readonly recipients: number;
  /** To each recipient. */
  readonly senders: number;
  /** Of each sender. */
  readonly messages: number;
  /** Of each sender. */
  readonly window: number;
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
  readonly settings: Partial<Settings>;
}

const CALM: Faults = { delayMs: 0, lost: 0, cut: 0 };

export const STEADY: Scenario = {
  nodes: 3,
  recipients: 1,
  senders: 5,
  messages: 300,
  window: 64,
  flags: () => 0,
  faults: CALM,
  outageEvery: 0,
  hopEvery: 0,
  awayFor: 0,
  stays: false,
  cutSendersEvery: 0,
  ackWithin: 10,
  stopAt: 0,
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
  const nodes = await startNodes(scenario.nodes, world, rng, scenario.faults, isOut, scenario.settings);
  const stage = new Stage(world, rng, scenario, nodes.relays);
  await stage.play();
  return { ...nodes, recipients: stage.recipients, senders: stage.senders };
}

class Stage {
  readonly recipients: readonly SimRecipient[];
  readonly senders: readonly SimSender[];
  private readonly world: World;
  private readonly rng: Rng;
  private readonly scenario: Scenario;
  private readonly relays: readonly Relay[];
  private open: readonly Relay[];
  private over = false;

  constructor(world: World, rng: Rng, scenario: Scenario, relays: readonly Relay[]) {
    this.world = world;
    this.rng = rng;
    this.scenario = scenario;
    this.relays = relays;
    this.open = relays;
    this.recipients = Array.from({ length: scenario.recipients }, (_, i) => this.createRecipient(i));
    this.senders = this.recipients.flatMap((recipient, i) =>
      Array.from({ length: scenario.senders }, (_, j) => this.createSender(recipient, i, j)),
    );
  }

  async play(): Promise<void> {
    const { world, scenario, recipients, senders } = this;
    for (const [i, recipient] of recipients.entries()) recipient.connect(this.relays[i % this.relays.length] as Relay);
    // The full mailbox of a peer that was never seen evicts, which is a loss that is right.
    await world.run(10_000, () => recipients.every(({ wasWelcomed }) => wasWelcomed));
    for (const recipient of recipients) if (scenario.hopEvery > 0) this.hop(recipient);
    for (const sender of senders) sender.connect();
    if (scenario.cutSendersEvery > 0) this.cutSenders();
    if (scenario.stopAt > 0) world.after(scenario.stopAt, () => this.stopFirst());
    const settled = await world.run(600_000, () => this.isSettled);
    expect(settled, this.describe()).toBe(true);
    this.over = true;
    for (const recipient of recipients) if (recipient.wire === null) recipient.connect(this.open[0] as Relay);
    await world.run(20_000, () => false);
    for (const sender of senders) sender.leave();
    for (const recipient of recipients) recipient.leave();
    await world.run(20_000, () => false);
  }

  private get isSettled(): boolean {
    return (
      this.senders.every((sender) => sender.done) && this.relays.every((relay) => relay.gauges(0).sendsPending === 0)
    );
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
    const { messages, window, flags, cutSendersEvery, stopAt } = this.scenario;
    const home = this.relays[(recipient + number) % this.relays.length] as Relay;
    const relay = (): Relay => {
      if (cutSendersEvery > 0) return this.rng.pick(this.open);
      return stopAt > 0 && !this.open.includes(home) ? (this.open[0] as Relay) : home;
    };
    const id = `s${number}-${to.id}`;
    return new SimSender({ id, to: to.id, total: messages, window, flags, relay }, this.world);
  }

  private hop(recipient: SimRecipient): void {
    const { world, rng, scenario } = this;
    world.after(scenario.hopEvery * (0.5 + rng.next()), () => {
      if (this.over) return;
      const next = scenario.stays ? (this.relays[0] as Relay) : rng.pick(this.open);
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
    const [first, ...others] = this.relays;
    this.open = others;
    void first?.stop(25_000);
  }
}

/**
 * What must hold in the end: each sender's messages were shown in the order sent, none twice, and none is missing but
 * what its sender was told was not delivered; nobody holds anything any more.
 */
export function expectAllIsWell({ recipients, senders, relays, shared }: Played, scenario: Scenario): void {
  for (const sender of senders) {
    const shown = shownFrom(sender, recipients);
    const owed = Array.from({ length: scenario.messages }, (_, number) => number).filter((number) => {
      const outcome = sender.outcomes.get(number);
      const isUnowed = outcome === undefined && (scenario.flags(number) & SendFlag.noReceipt) !== 0;
      return isUnowed || outcome === ReceiptStatus.delivered || outcome === ReceiptStatus.queued;
    });
    const unconfirmed = shown.filter((number) => sender.outcomes.get(number) === ReceiptStatus.unconfirmed);
    expect(shown).toEqual([...owed, ...unconfirmed].sort((a, b) => a - b));
    expect(sender.doubleReceipts).toBe(0);
  }
  const stopped = scenario.stopAt > 0 ? relays[0] : null;
  for (const relay of relays) {
    expect(relay.counters.drops.evicted).toBe(0);
    const { registrations, catchingUp, linkBytes, inboxUnsettled, watchedPeers, sendsPending } = relay.gauges(0);
    expect({ registrations, catchingUp, inboxUnsettled, watchedPeers, sendsPending }).toEqual({
      registrations: 0,
      catchingUp: 0,
      inboxUnsettled: 0,
      watchedPeers: 0,
      sendsPending: 0,
    });
    // The answer to a link's probe stays, because nothing answers that; a node that has stopped hears of nothing.
    if (relay !== stopped) expect(linkBytes).toBeLessThan(100);
  }
  expect([...shared.peers].filter(([, { mailbox }]) => mailbox.entries.size > 0)).toEqual([]);
  expect([...shared.peers].filter(([, { location }]) => location?.owner || location?.prev.length)).toEqual([]);
  expect([...shared.logs.values()].map(({ entries, bytes }) => [entries.length, bytes])).toEqual(
    relays.map(() => [0, 0]),
  );
}

function shownFrom(sender: SimSender, recipients: readonly SimRecipient[]): number[] {
  const shown = recipients.find(({ id }) => id === sender.to)?.shown ?? [];
  return shown.filter((line) => line.startsWith(`${sender.id} `)).map((line) => Number(line.split(' ')[1]));
}
