import { expect } from 'vitest';
import type { Settings } from '../../services/relay/src/core/settings.ts';
import { createRng, type Rng } from '../kit/rng.ts';
import { type Nodes, type SimNode, settings, startNodes } from './cluster.ts';
import { type Faults, outages } from './faulty-store.ts';
import { LEASE_MS, Mishaps, type MishapTimes } from './mishaps.ts';
import { isDone } from './scenario.ts';
import type { SimTunnelEnd } from './tunnel-ends.ts';
import { SimTunnelPeer } from './tunnel-peer.ts';
import { World } from './world.ts';

/** Times in milliseconds. */
export interface TunnelScenario extends MishapTimes {
  readonly nodes: number;
  readonly peers: number;
  /** Rooms and calls of each peer. */
  readonly opens: number;
  /** Longest stream of an end. */
  readonly bytes: number;
  readonly window: number;
  /** Bytes that wait for a node in the store. */
  readonly streamBytes: number;
  readonly faults: Faults;
  /** Between outages of the store; 0 for none. */
  readonly outageEvery: number;
  /** Longest outage. */
  readonly outageFor: number;
  readonly hangsUp: boolean;
  /** The first node stops at this time; 0 for never. */
  readonly stopAt: number;
}

export const QUIET: TunnelScenario = {
  nodes: 3,
  peers: 6,
  opens: 15,
  bytes: 6000,
  window: 1500,
  streamBytes: 1024 * 1024,
  faults: { delayMs: 0, lost: 0, cut: 0 },
  outageEvery: 0,
  outageFor: 1500,
  hangsUp: false,
  stopAt: 0,
  killEvery: 0,
  pauseEvery: 0,
  emptyEvery: 0,
};

/** Nobody begins anything new behind that, so that what is under way can come to its end. */
const MISHAPS_END_MS = 60_000;

export interface PlayedTunnels extends Nodes {
  readonly peers: readonly SimTunnelPeer[];
  readonly ends: readonly SimTunnelEnd[];
}

/** Plays the scenario until everything has come to its end, and everybody has gone. */
export async function playTunnels(seed: number, scenario: TunnelScenario): Promise<PlayedTunnels> {
  const rng = createRng(seed);
  const world = new World();
  const { faults } = scenario;
  const isOut = outages(world, rng.fork(), scenario.outageEvery, 500, scenario.outageFor);
  const started = startNodes(scenario.nodes, { world, rng, faults, isOut, changes: changesOf(scenario, rng.fork()) });
  await world.run(30_000, isDone(started));
  const nodes = await started;
  const stage = new TunnelStage(world, rng, scenario, nodes);
  await stage.play();
  return { ...nodes, peers: stage.peers, ends: stage.ends };
}

function changesOf({ window, streamBytes }: TunnelScenario, rng: Rng): Partial<Settings> {
  // Nothing is to end because it is idle: that would hide what has been forgotten.
  const tunnels = { ...settings('a').tunnels, windowBytes: window, streamBytes, idleMs: 3_600_000 };
  const randomHex = (bytes: number): string => Buffer.from(rng.bytes(bytes)).toString('hex');
  return { nodeLeaseMs: LEASE_MS, tunnels, randomHex };
}

class TunnelStage {
  readonly peers: readonly SimTunnelPeer[];
  readonly ends: SimTunnelEnd[] = [];
  private readonly world: World;
  private readonly scenario: TunnelScenario;
  private readonly nodes: readonly SimNode[];
  private readonly mishaps: Mishaps;
  private stopping: SimNode | null = null;
  private isCalm = false;

  constructor(world: World, rng: Rng, scenario: TunnelScenario, { nodes, shared }: Nodes) {
    this.world = world;
    this.scenario = scenario;
    this.nodes = nodes;
    this.mishaps = new Mishaps({ world, rng, nodes, shared, isOver: () => this.isCalm });
    this.peers = Array.from({ length: scenario.peers }, (_, i) => this.createPeer(`p${i}`, rng.fork()));
  }

  async play(): Promise<void> {
    const { world, scenario, peers } = this;
    for (const peer of peers) peer.start();
    if (scenario.stopAt > 0) world.after(scenario.stopAt, () => this.stopFirst());
    this.mishaps.start(scenario);
    world.after(MISHAPS_END_MS, () => {
      this.isCalm = true;
    });
    const settled = await world.run(300_000, () => peers.every((peer) => peer.isDone));
    this.isCalm = true;
    expect(settled, this.describe()).toBe(true);
    await world.run(10_000, () => this.nodes.every((node) => node === this.stopping || node.isUp));
    for (const peer of peers) peer.leave();
    await world.run(60_000, () => false);
  }

  private createPeer(id: string, rng: Rng): SimTunnelPeer {
    const { opens, bytes, hangsUp } = this.scenario;
    return new SimTunnelPeer(id, this.world, {
      ...{ rng, opens, bytes, hangsUp },
      entrance: () => {
        const open = this.nodes.filter((node) => node !== this.stopping && (node.isUp || node.isPaused));
        return open.length > 0 ? rng.pick(open) : null;
      },
      other: () => rng.pick(this.peers),
      entered: (create) => {
        const end = create(this.ends.length);
        this.ends.push(end);
        return end;
      },
    });
  }

  private stopFirst(): void {
    this.stopping = this.nodes[0] as SimNode;
    void this.stopping.relay?.stop(25_000);
  }

  private describe(): string {
    const stuck = this.ends.filter(({ isOver }) => !isOver);
    return [
      ...this.peers.map(({ id, open, isDone: done }) => `${id}: ${open} open${done ? '' : ', not done'}`),
      ...stuck.map((end) => `end ${end.number} of ${end.owner} with ${end.peer} (${end.far}): ${progress(end)}`),
    ].join('\n');
  }
}

function progress({ sent, hasEnded, received, wasEnded }: SimTunnelEnd): string {
  return `sent ${sent}${hasEnded ? ' and end' : ''}, received ${received}${wasEnded ? ' and end' : ''}`;
}

/**
 * What must hold in the end: what an end was given is what the other one has sent, or its beginning, and all of it where
 * its end was told; every tunnel has come to its end for both; nobody holds anything any more.
 */
export function expectAllHasEnded({ peers, ends, nodes, shared }: PlayedTunnels, scenario: TunnelScenario): void {
  expect(peers.map(({ faults }) => faults)).toEqual(peers.map(() => []));
  expect(ends.flatMap((end) => [...end.faults, ...wrong(end, ends)])).toEqual([]);
  for (const [index, { relay }] of nodes.entries()) {
    if (relay === null) throw new Error('a node did not start again');
    const { tunnelEnds, tunnelBytes } = relay.gauges(0);
    expect([index, tunnelEnds, tunnelBytes]).toEqual([index, 0, 0]);
  }
  // Those of nodes that have died hold what nobody takes out any more.
  const alive = nodes.map(({ relay }) => shared.logs.get(relay?.settings.node as never));
  if (scenario.stopAt === 0) expect(alive.map((log) => log?.tunnels.bytes)).toEqual(nodes.map(() => 0));
}

/** What an end was given that the other one did not send so. */
function wrong(end: SimTunnelEnd, ends: readonly SimTunnelEnd[]): string[] {
  const { far: number, received, wasEnded } = end;
  if (number === null) return wasEnded ? [`end ${end.number} was ended without bytes`] : [];
  const far = ends[number];
  if (far === undefined) return [`end ${end.number} was given bytes of end ${number}, which is none`];
  const isPair = far.owner === end.peer && far.peer === end.owner && (far.far ?? end.number) === end.number;
  const isPrefix = received <= far.sent && (!wasEnded || (far.hasEnded && received === far.sent));
  return isPair && isPrefix ? [] : [`end ${end.number} (${progress(end)}), end ${number} (${progress(far)})`];
}
