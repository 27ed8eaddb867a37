import type { NodeId } from '@causeway/protocol';
import type { Log, Timers } from './clock.ts';
import type { Counters } from './counters.ts';
import { AGAIN, type Message } from './message.ts';
import { type EnvelopeHead, readEnvelope, readMessage } from './node-frame-reader.ts';
import { encodeReturned, NodeFrame } from './node-frames.ts';
import type { NodeLinks } from './node-links.ts';
import type { InboxEntry, Membership, ReaperLock, Reaping, Unavailable } from './ports.ts';
import type { Settings } from './settings.ts';

const READ_COUNT = 16;
const ASK_AGAIN_MS = 50;
/** Bytes that were given back and are not taken in yet, above which the reading waits. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;

export interface ReaperDeps {
  readonly settings: Settings;
  readonly reaping: Reaping;
  readonly membership: Membership;
  readonly links: NodeLinks;
  readonly timers: Timers;
  readonly log: Log;
  readonly counters: Counters;
  readonly isDead: (node: NodeId) => boolean;
  /** Nodes that are not dead, this one included. */
  readonly living: () => readonly NodeId[];
  /** A message of this node's own senders comes back. */
  readonly onReturned: (message: Message) => void;
}

/**
 * Settles what a dead node had been handed and had not settled: every message in its log goes back to the node that
 * sent it, in order. Only the sender's node knows what of it had its outcome already, or has come back before, and only
 * it chooses the way (see Router). The log is removed when all of them have read what they were given: a node that finds
 * it gone has nothing more to wait for.
 */
export class Reaper {
  private readonly deps: ReaperDeps;
  private readonly underWay = new Set<NodeId>();
  private stopped = false;

  constructor(deps: ReaperDeps) {
    this.deps = deps;
  }

  /** Reaps a node that was declared dead, unless another node is about it. */
  async reap(dead: NodeId): Promise<void> {
    if (this.stopped || this.underWay.has(dead)) return;
    this.underWay.add(dead);
    await this.reapLocked(dead);
    this.underWay.delete(dead);
  }

  stop(): void {
    this.stopped = true;
  }

  private async reapLocked(dead: NodeId): Promise<void> {
    const { settings, reaping, membership, log, counters } = this.deps;
    const taken = await reaping.take(dead, settings.node, settings.nodeLeaseMs);
    if (taken.kind === 'reaped') await membership.bury(dead);
    if (taken.kind !== 'held') return;
    const { lock } = taken;
    log.info({ event: 'reaping', dead }, 'giving back what a dead node had been handed');
    const messages = await this.giveBack(lock);
    if (messages === null || !(await this.areRead(lock))) return;
    const finished = await this.insist(() => reaping.finish(lock));
    if (finished?.kind !== 'finished') return;
    await membership.bury(dead);
    counters.reaped += 1;
    counters.reapedMessages += messages;
    log.info({ event: 'reaped', dead, messages }, 'a dead node has been reaped');
  }

  /** How many messages went back; null when the lock was lost. */
  private async giveBack(lock: ReaperLock): Promise<number | null> {
    const { reaping, links } = this.deps;
    let messages = 0;
    let after = '';
    for (;;) {
      const from = after;
      const reply = await this.insist(() => reaping.read(lock.dead, from, READ_COUNT));
      if (reply === null || !(await this.holds(lock))) return null;
      const last = reply.entries.at(-1);
      if (last === undefined) return messages;
      for (const entry of reply.entries) {
        messages += this.giveBackEntry(entry);
        // One entry may hold hundreds of messages, and the clients of this node wait for none of them.
        await new Promise<void>((resume) => this.deps.timers.soon(resume));
      }
      after = last.id;
      while (links.bytes > MAX_HELD_BYTES) {
        await this.sleep();
        if (!(await this.holds(lock))) return null;
      }
    }
  }

  private giveBackEntry(entry: InboxEntry): number {
    const head = readEnvelope(entry.envelope);
    if (head === null) {
      this.deps.counters.drop('unreadable_entry');
      return 0;
    }
    try {
      return this.giveBackFrames(head);
    } catch (error) {
      this.deps.counters.drop('unreadable_entry');
      this.deps.log.error({ entry: entry.id, error: String(error) }, 'an inbox entry of a dead node is malformed');
      return 0;
    }
  }

  private giveBackFrames({ sender, frames }: EnvelopeHead): number {
    const { settings, links, onReturned, isDead } = this.deps;
    let messages = 0;
    while (frames.more) {
      const { type, body } = frames.frame();
      if (type !== NodeFrame.message) continue;
      const read = readMessage(body, sender, 0, null);
      const message = { ...read, flags: read.flags | AGAIN };
      // The senders of a node that is dead as well have lost their connections, and send again what has no receipt.
      if (isDead(sender)) {
        this.deps.counters.drop('sender_gone');
        continue;
      }
      if (sender === settings.node) onReturned(message);
      else links.to(sender).control(encodeReturned(message, null));
      messages += 1;
    }
    return messages;
  }

  /**
   * Waits until every node that lives, this one too, has read what stands in its inbox now: what it was given back, and
   * the receipts that the dead node had still sent. False when the lock was lost.
   */
  private async areRead(lock: ReaperLock): Promise<boolean> {
    const { links, isDead, living } = this.deps;
    for (const node of living()) links.to(node).signal(NodeFrame.probe);
    const given = links.lasts();
    while (!links.areRead(given, isDead)) {
      await this.sleep();
      if (!(await this.holds(lock))) return false;
    }
    return true;
  }

  private async holds({ dead, reaper, token }: ReaperLock): Promise<boolean> {
    const { reaping, settings } = this.deps;
    const reply = await this.insist(() => reaping.take(dead, reaper, settings.nodeLeaseMs));
    return reply?.kind === 'held' && reply.lock.token === token;
  }

  /** Asks until there is an answer; null when this node has stopped meanwhile. */
  private async insist<R extends { readonly kind: string }>(ask: () => Promise<R | Unavailable>): Promise<R | null> {
    for (;;) {
      const reply = await ask();
      if (this.stopped) return null;
      if (reply.kind !== 'unavailable') return reply as R;
      await this.sleep();
    }
  }

  private sleep(): Promise<void> {
    return new Promise((resume) => this.deps.timers.after(ASK_AGAIN_MS, resume));
  }
}
