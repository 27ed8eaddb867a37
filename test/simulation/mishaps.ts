import type { EmbeddedCluster } from '../../services/relay/src/embedded/cluster.ts';
import type { Rng } from '../kit/rng.ts';
import type { SimNode } from './cluster.ts';
import type { World } from './world.ts';

/** Of a node in the scenarios in which nodes die. */
export const LEASE_MS = 1000;

/** Times in milliseconds; 0 for never. */
export interface MishapTimes {
  /** Between kills of a node, which is started again as another one. */
  readonly killEvery: number;
  /** Between stops of a node for up to three lease times, which it does not notice. */
  readonly pauseEvery: number;
  /** Between losses of everything that the store holds. */
  readonly emptyEvery: number;
}

export interface MishapsDeps {
  readonly world: World;
  readonly rng: Rng;
  readonly nodes: readonly SimNode[];
  readonly shared: EmbeddedCluster;
  readonly isOver: () => boolean;
}

/** What befalls nodes and their store while a scenario is played. */
export class Mishaps {
  private readonly deps: MishapsDeps;

  constructor(deps: MishapsDeps) {
    this.deps = deps;
  }

  start({ killEvery, pauseEvery, emptyEvery }: MishapTimes): void {
    // One node at a time: with two of three gone, the last one could not tell who is to blame.
    this.repeat(killEvery, () => {
      if (this.areAllUp) this.kill(this.deps.rng.pick(this.deps.nodes));
    });
    this.repeat(pauseEvery, () => {
      const node = this.deps.rng.pick(this.deps.nodes);
      if (this.areAllUp) this.pause(node);
    });
    this.repeat(emptyEvery, () => {
      const { peers, logs, realms, nodes, rooms } = this.deps.shared;
      for (const map of [peers, logs, realms, nodes, rooms]) map.clear();
    });
  }

  kill(node: SimNode): void {
    node.kill();
    this.deps.world.after(this.deps.rng.next() * 2000, () => void node.start());
  }

  private pause(node: SimNode): void {
    node.pause();
    this.deps.world.after(this.deps.rng.next() * 3 * LEASE_MS, () => node.resume());
  }

  private get areAllUp(): boolean {
    return this.deps.nodes.every(({ isUp }) => isUp);
  }

  private repeat(every: number, call: () => void): void {
    const { world, rng, isOver } = this.deps;
    if (every === 0) return;
    world.after(every * (0.5 + rng.next()), () => {
      if (isOver()) return;
      call();
      this.repeat(every, call);
    });
  }
}
