import type { PeerOperations, PeerView } from '../admin/operations.ts';
import { type PeerKey, realmOf } from '../core/address.ts';
import type { Clock, Timers } from '../core/clock.ts';
import type { PeerRecord, WindowState } from '../core/inspection-ports.ts';
import type { Policy } from '../core/policy.ts';
import type { MailboxId, Store, Unavailable } from '../core/ports.ts';
import type { RelayControls } from './controls.ts';
import type { Inquiries } from './inquiries.ts';

/** So that one call does not keep the store busy for long. */
const ENTRIES_PER_CALL = 200;
/** A notice may be lost, so it is repeated. */
const DISCONNECT_EVERY_MS = 500;
const LOOK_EVERY_MS = 25;
const DISCONNECT_FOR_MS = 3000;
const ERASE_FOR_MS = 5000;
const ERASED = 'erased by an operator';

export interface PeersDeps {
  readonly store: Pick<Store, 'peers' | 'notices'>;
  readonly relay: () => RelayControls;
  readonly inquiries: Inquiries;
  readonly policy: () => Policy;
  readonly mailboxTtlMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** What can be done to a peer, wherever it is. */
export class PeerDesk implements PeerOperations {
  private readonly deps: PeersDeps;

  constructor(deps: PeersDeps) {
    this.deps = deps;
  }

  async look(key: PeerKey): Promise<{ kind: 'looked'; view: PeerView } | { kind: 'unknown' } | Unavailable> {
    const reply = await this.record(key);
    if (reply.kind === 'unavailable') return reply;
    const { record } = reply;
    if (record === null) return { kind: 'unknown' };
    const policy = this.deps.policy();
    const limits = {
      peer: policy.peer(key, record.reservation?.limits ?? {}),
      realm: policy.realm(realmOf(key)),
      cluster: policy.cluster(),
    };
    return { kind: 'looked', view: { record, window: await this.window(key, record), limits } };
  }

  async disconnect(
    key: PeerKey,
    reason: string,
  ): Promise<{ kind: 'disconnected' } | { kind: 'offline' } | Unavailable> {
    const { notices } = this.deps.store;
    const { clock } = this.deps;
    const reply = await this.record(key);
    if (reply.kind === 'unavailable') return reply;
    const owner = reply.record?.owner ?? null;
    if (owner === null) return { kind: 'offline' };
    const deadline = clock.now() + DISCONNECT_FOR_MS;
    while (clock.now() < deadline) {
      const published = await notices.publish({ kind: 'disconnect', key, reason });
      if (published.kind === 'unavailable') return published;
      const gone = await this.untilGone(key, owner.epoch, clock.now() + DISCONNECT_EVERY_MS);
      if (gone) return { kind: 'disconnected' };
    }
    return { kind: 'unavailable', reason: `the node ${owner.node} has not closed the connection` };
  }

  async purge(
    key: PeerKey,
  ): Promise<{ kind: 'purged'; messages: number; bytes: number } | { kind: 'unknown' } | Unavailable> {
    const known = await this.record(key);
    if (known.kind === 'unavailable') return known;
    if (known.record === null) return { kind: 'unknown' };
    let upTo: MailboxId | '' | null = '';
    let [messages, bytes] = [0, 0];
    while (upTo !== null) {
      const reply = await this.deps.store.peers.purge(key, upTo, ENTRIES_PER_CALL);
      if (reply.kind === 'unavailable') return reply;
      this.deps.relay().purged(realmOf(key), reply.removed);
      messages += reply.removed.length;
      for (const removed of reply.removed) bytes += removed.bytes;
      upTo = reply.upTo;
    }
    return { kind: 'purged', messages, bytes };
  }

  async erase(key: PeerKey): Promise<{ kind: 'erased' } | { kind: 'unknown' } | { kind: 'online' } | Unavailable> {
    const { store, relay, clock } = this.deps;
    const known = await this.record(key);
    if (known.kind === 'unavailable') return known;
    if (known.record === null) return { kind: 'unknown' };
    const deadline = clock.now() + ERASE_FOR_MS;
    while (clock.now() < deadline) {
      const left = await this.disconnect(key, ERASED);
      if (left.kind === 'unavailable') return left;
      let reply = await store.peers.erase(key, ENTRIES_PER_CALL);
      while (reply.kind === 'more') {
        relay().purged(realmOf(key), reply.removed);
        reply = await store.peers.erase(key, ENTRIES_PER_CALL);
      }
      if (reply.kind === 'unavailable') return reply;
      if (reply.kind === 'erased') {
        relay().purged(realmOf(key), reply.removed);
        return { kind: 'erased' };
      }
      // Its client came back.
      await this.pause();
    }
    return { kind: 'online' };
  }

  private record(key: PeerKey) {
    return this.deps.store.peers.look(key, this.deps.mailboxTtlMs);
  }

  private async window(key: PeerKey, { owner }: PeerRecord): Promise<WindowState | null> {
    if (owner === null) return null;
    const reply = await this.deps.inquiries.ask(owner.node, { about: 'window', key });
    return reply?.about === 'window' ? reply.window : null;
  }

  /** Whether the registration with this epoch has ended, or another one has taken its place, by the deadline. */
  private async untilGone(key: PeerKey, epoch: number, deadline: number): Promise<boolean> {
    for (;;) {
      const reply = await this.record(key);
      if (reply.kind === 'looked' && reply.record?.owner?.epoch !== epoch) return true;
      if (this.deps.clock.now() >= deadline) return false;
      await this.pause();
    }
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => this.deps.timers.after(LOOK_EVERY_MS, resolve));
  }
}
