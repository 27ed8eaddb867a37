import type { NodeId, RealmName } from '@causeway/protocol';
import type { PeerKey } from '../address.ts';
import { BufferPool } from '../buffers.ts';
import type { Clock, Log, Timers } from '../clock.ts';
import type { Connection } from '../connection.ts';
import type { Counters } from '../counters.ts';
import type { Policy } from '../policy.ts';
import type { Store } from '../ports.ts';
import type { Settings } from '../settings.ts';
import { SharedBytes } from '../shared-bytes.ts';
import type { TraceStarts } from '../tracer.ts';
import type { UsageAccount } from '../usage-account.ts';
import { Arrivals } from './arrivals.ts';
import type { Callee } from './call.ts';
import { Calls } from './calls.ts';
import { ClientTunnels, type ClientTunnelsDeps } from './client-tunnels.ts';
import { EnvelopeBuilders } from './envelope.ts';
import { Lane, type LaneDeps } from './lane.ts';
import { Meeting } from './meeting.ts';
import type { TunnelEnd } from './tunnel-end.ts';

export interface TunnelsDeps {
  readonly settings: Settings;
  readonly store: Pick<Store, 'rooms' | 'tunnels' | 'attempts' | 'directory'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly counters: Counters;
  /** The policy in force now. */
  readonly policy: () => Policy;
  readonly nextWrite: () => number;
  readonly isDead: (node: NodeId) => boolean;
  /** A peer that is connected to this node. */
  readonly callee: (key: PeerKey) => Callee | undefined;
}

/** All rooms and tunnels of one node. */
export class Tunnels {
  private readonly deps: TunnelsDeps;
  private readonly held: SharedBytes;
  private readonly ends = new Map<number, TunnelEnd>();
  private readonly lanes = new Map<NodeId, Lane>();
  private readonly calls: Calls;
  private readonly arrivals: Arrivals;
  private readonly laneDeps: LaneDeps;
  private readonly clientDeps: ClientTunnelsDeps;
  private lastEnd = 0;

  constructor(deps: TunnelsDeps) {
    this.deps = deps;
    const { settings, store, clock, timers, log, counters, isDead } = deps;
    const self = settings.node;
    const pool = new BufferPool();
    const { windowBytes } = settings.tunnels;
    // What waits is bounded by the credit of each tunnel already; a node with another window may give twice as much.
    this.held = new SharedBytes(settings.tunnels.heldBytes, 2 * windowBytes);
    this.laneDeps = {
      self,
      streams: store.tunnels,
      clock,
      timers,
      counters,
      held: this.held,
      pool,
      builders: new EnvelopeBuilders(),
      streamBytes: settings.tunnels.streamBytes,
      isDead,
      onGone: ({ node }) => {
        this.lanes.delete(node);
        this.arrivals.forget(node);
        this.calls.lost(node);
      },
      onReset: ({ node }) => this.calls.lost(node),
    };
    const lane = (node: NodeId): Lane => this.lane(node);
    this.calls = new Calls({ ...deps, self, directory: store.directory, lane });
    this.arrivals = new Arrivals({
      log,
      counters,
      end: (number) => this.ends.get(number),
      onCall: (node, number, call) => this.calls.called(node, number, call),
      onAccepted: (node, number, callee) => this.calls.accepted(node, number, callee),
      onRefused: (node, number, refusal, reason) => this.calls.refused(node, number, refusal, reason),
      onWithdrawn: (node, number) => this.calls.withdrawn(node, number),
      onLost: (node, anew) => {
        if (!anew) return this.lane(node).reset('lost');
        this.lane(node).closeEnds('lost');
        this.calls.lost(node);
      },
    });
    this.clientDeps = {
      clock,
      log,
      timers,
      counters,
      calls: this.calls,
      meeting: this.meeting(),
      end: { windowBytes, maxBytes: settings.tunnels.maxBytes, clock, timers, counters, held: this.held, pool },
      perConnection: settings.tunnels.perConnection,
      idleMs: settings.tunnels.idleMs,
      enter: (create) => this.enter(create),
      forget: ({ number }) => this.ends.delete(number),
    };
  }

  /** Ends of open tunnels, and of those that are asked for. */
  get size(): number {
    return this.ends.size;
  }

  /** Bytes that wait for a connection or for another node. */
  get heldBytes(): number {
    return this.held.held;
  }

  /** All that was said to other nodes has been appended, where there is a way. */
  get isIdle(): boolean {
    for (const lane of this.lanes.values()) if (!lane.isIdle && !lane.isFailing) return false;
    return true;
  }

  start(): void {
    this.deps.store.tunnels.start(this.deps.settings.node, (envelopes) => {
      for (const envelope of envelopes) this.arrivals.take(envelope);
    });
  }

  of(key: PeerKey, connection: Connection, account: UsageAccount, traces: TraceStarts | null = null): ClientTunnels {
    return new ClientTunnels(key, connection, account, this.clientDeps, traces);
  }

  nodeDead(node: NodeId): void {
    this.lanes.get(node)?.nodeGone();
  }

  /** To be called every second. */
  beat(now: number): void {
    for (const lane of this.lanes.values()) lane.beat(now);
  }

  private lane(node: NodeId): Lane {
    let lane = this.lanes.get(node);
    if (lane === undefined) {
      lane = new Lane(node, this.laneDeps);
      this.lanes.set(node, lane);
    }
    return lane;
  }

  private enter(create: (number: number) => TunnelEnd): TunnelEnd {
    this.lastEnd += 1;
    const end = create(this.lastEnd);
    this.ends.set(this.lastEnd, end);
    return end;
  }

  private meeting(): Meeting {
    const { settings, store, policy } = this.deps;
    const { roomTtlMs, maxRoomTtlMs, roomsPerRealm } = settings.tunnels;
    return new Meeting({
      ...this.deps,
      rooms: store.rooms,
      attempts: store.attempts,
      randomHex: settings.randomHex,
      ttlMs: roomTtlMs,
      maxTtlMs: maxRoomTtlMs,
      cap: (realm: RealmName) => policy().cap(realm, 'rooms') ?? roomsPerRealm,
    });
  }
}
