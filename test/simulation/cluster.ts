import type { NodeId } from '@causeway/protocol';
import type { Connection, ConnectionHandler } from '../../services/relay/src/core/connection.ts';
import { Counters } from '../../services/relay/src/core/counters.ts';
import { Policy } from '../../services/relay/src/core/policy.ts';
import { Relay } from '../../services/relay/src/core/relay.ts';
import type { Settings } from '../../services/relay/src/core/settings.ts';
import { createEmbeddedCluster, type EmbeddedCluster } from '../../services/relay/src/embedded/cluster.ts';
import { createEmbeddedStore } from '../../services/relay/src/embedded/store.ts';
import type { Rng } from '../kit/rng.ts';
import { type Faults, faultyStore, type Inside } from './faulty-store.ts';
import { openAuthenticator } from './open-authenticator.ts';
import type { Entrance } from './peers.ts';
import { RecordingTracer } from './recording-tracer.ts';
import { silentLog, type World } from './world.ts';

export function settings(node: string, changes: Partial<Settings> = {}): Settings {
  return {
    node: node as NodeId,
    region: '',
    url: '',
    heartbeatMs: 25_000,
    helloTimeoutMs: 5000,
    maxPayload: 65_536,
    sendWindow: 256,
    messageBytes: 256 * 1024 * 1024,
    deliveryWindow: 256,
    deliveryWindowBytes: 1024 * 1024,
    ackTimeoutMs: 2000,
    outcomeTimeoutMs: 15_000,
    reservationTtlMs: 3_600_000,
    // More than a scenario sends: an eviction would be a loss that is right.
    mailboxMessages: 5000,
    mailboxBytes: 16 * 1024 * 1024,
    mailboxTtlMs: 3_600_000,
    realmMailboxBytes: 1024 * 1024 * 1024,
    nodeLeaseMs: 5000,
    limitsAway: 'share',
    usagePerPeer: false,
    usageFlushMs: 5000,
    usageKeepMs: 3_600_000,
    rebalance: 'manual',
    linkBytes: 64 * 1024 * 1024,
    inboxBytes: 256 * 1024 * 1024,
    maxWatched: 256,
    tunnels: {
      perConnection: 16,
      windowBytes: 1024 * 1024,
      maxBytes: 10 * 1024 * 1024 * 1024,
      idleMs: 300_000,
      roomTtlMs: 600_000,
      maxRoomTtlMs: 259_200_000,
      roomsPerRealm: 10_000,
      heldBytes: 1024 * 1024 * 1024,
      streamBytes: 16 * 1024 * 1024,
    },
    randomHex: (bytes) => 'ab'.repeat(bytes),
    sha256Hex: (bytes) => Buffer.from(bytes).toString('hex'),
    ...changes,
  };
}

const NO_POLICY = new Policy({}, 0, 65_536);

export interface Nodes {
  readonly nodes: readonly SimNode[];
  readonly shared: EmbeddedCluster;
}

export interface NodeOptions {
  readonly world: World;
  readonly rng: Rng;
  readonly faults: Faults;
  readonly isOut: () => boolean;
  readonly changes: Partial<Settings>;
  readonly shared: EmbeddedCluster;
}

/**
 * A node that can be killed and started again, and one that can be stopped for a while without its knowing. Whatever
 * reaches it from outside (time, answers of the store, packets) goes through `run`.
 */
export class SimNode implements Entrance {
  relay: Relay | null = null;
  readonly counters = new Counters();
  /** Everything is traced. Of the life that goes on. */
  tracer = new RecordingTracer();
  private readonly name: string;
  private readonly options: NodeOptions;
  private readonly connections = new Set<Connection>();
  private life = 0;
  private births = 0;
  private paused: (() => void)[] | null = null;

  constructor(name: string, options: NodeOptions) {
    this.name = name;
    this.options = options;
  }

  /** Clients can connect. */
  get isUp(): boolean {
    return this.relay !== null && this.paused === null;
  }

  get isPaused(): boolean {
    return this.paused !== null;
  }

  async start(): Promise<void> {
    const { world, rng, faults, isOut, changes, shared } = this.options;
    const { life } = this;
    this.births += 1;
    this.tracer = new RecordingTracer();
    const inside: Inside = { run: (call) => this.run(life, call), isOut };
    const relay = new Relay({
      settings: settings(`${this.name}.${this.births}`, changes),
      store: faultyStore(createEmbeddedStore(shared), world, rng.fork(), faults, inside),
      clock: world,
      timers: {
        after: (ms, call) => world.after(ms, () => this.run(life, call)),
        soon: (call) => world.soon(() => this.run(life, call)),
      },
      log: silentLog,
      counters: this.counters,
      authenticator: openAuthenticator,
      tracer: this.tracer,
      policy: () => NO_POLICY,
      connections: () => this.connections.size,
      onFenced: () => {
        this.relay = null;
        void this.start();
      },
    });
    await relay.start();
    if (life === this.life) this.relay = relay;
  }

  /** All that it has in memory is gone, and its clients' connections break. */
  kill(): void {
    this.life += 1;
    this.relay = null;
    this.paused = null;
    for (const connection of this.connections) connection.close(1006, 'the node is gone');
    this.connections.clear();
  }

  pause(): void {
    this.paused ??= [];
  }

  resume(): void {
    // What happens meanwhile comes behind what has waited.
    for (let call = this.paused?.shift(); call !== undefined; call = this.paused?.shift()) call();
    this.paused = null;
  }

  open(connection: Connection): ConnectionHandler {
    const { relay, life } = this;
    if (relay === null) {
      this.options.world.after(1, () => connection.close(1006, 'refused'));
      const nothing = (): void => undefined;
      return { receive: () => false, malformed: nothing, silent: nothing, writable: nothing, closed: nothing };
    }
    this.connections.add(connection);
    const handler = relay.open(connection);
    return {
      receive: (frame) => {
        this.run(life, () => void handler.receive(frame));
        return true;
      },
      malformed: (reason) => this.run(life, () => handler.malformed(reason)),
      silent: () => this.run(life, () => handler.silent()),
      writable: () => this.run(life, () => handler.writable()),
      closed: () => {
        this.connections.delete(connection);
        this.run(life, () => handler.closed());
      },
    };
  }

  private run(life: number, call: () => void): void {
    const guarded = (): void => {
      if (life === this.life) call();
    };
    if (this.paused === null) guarded();
    else this.paused.push(guarded);
  }
}

export async function startNodes(count: number, options: Omit<NodeOptions, 'shared'>): Promise<Nodes> {
  const shared = createEmbeddedCluster(() => options.world.now());
  const nodes = Array.from({ length: count }, (_, i) => new SimNode(`n${i}`, { ...options, shared }));
  for (const node of nodes) await node.start();
  return { nodes, shared };
}
