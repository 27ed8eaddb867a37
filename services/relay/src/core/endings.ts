import type { NodeId } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import type { Clock, Timers } from './clock.ts';
import type { HandedOver, Location, Mailbox, Writer } from './ports.ts';
import { Retry } from './retry.ts';
import type { Settings } from './settings.ts';
import { Turnstile } from './turnstile.ts';

const MAX_AT_ONCE = 16;

export interface EndingsDeps {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly mailbox: Mailbox;
  /** Sequence for a mailbox write of this node. */
  readonly nextWrite: () => number;
  readonly isDead: (node: NodeId) => boolean;
  readonly onEnded: (key: PeerKey, location: Location, handedOver: HandedOver) => void;
  /** The store does not have it: it had ended before. */
  readonly onGone: (key: PeerKey, location: Location) => void;
}

/** Ends registrations that nobody holds: those of dead nodes, and those of this node whose making was never answered. */
export class Endings {
  /** Registrations of dead nodes that are being ended, by key and epoch, and who waits for that. */
  private readonly ending = new Map<string, (() => void)[]>();
  private readonly turnstile = new Turnstile(MAX_AT_ONCE);
  private readonly deps: EndingsDeps;

  constructor(deps: EndingsDeps) {
    this.deps = deps;
  }

  /**
   * Ends the registration of a dead node in its name, which its epoch fences; those before it have to end first. `done`
   * is called when it has ended.
   */
  endFor(key: PeerKey, location: Location, done: () => void = () => undefined): void {
    const name = `${location.epoch} ${key}`;
    const waiting = this.ending.get(name);
    if (waiting !== undefined) {
      waiting.push(done);
      return;
    }
    const calls = [done];
    this.ending.set(name, calls);
    this.turnstile.enter(() => {
      let isInside = true;
      // One that has to wait for another one's end must not keep that out.
      const leave = (): void => {
        if (isInside) this.turnstile.leave();
        isInside = false;
      };
      // A writer of its own: a write of this node to the same mailbox may be under way at the same time.
      const heir = `${this.deps.settings.node}:${location.node}` as NodeId;
      const ended = (): void => {
        this.ending.delete(name);
        for (const call of calls) call();
      };
      this.endAs(key, location, this.writer(heir), new Retry(), ended, leave);
    });
  }

  /** A registration under this node's name that nobody here holds: it was made, but its answer never came. */
  endUnknown(key: PeerKey, epoch: number): void {
    const { node } = this.deps.settings;
    this.endAs(
      key,
      { node, epoch },
      this.writer(node),
      new Retry(),
      () => undefined,
      () => undefined,
    );
  }

  private writer(node: NodeId): Writer {
    return { node, sequence: this.deps.nextWrite() };
  }

  /** Asks under the same sequence again: only then is an answer that was lost told once more. */
  private endAs(
    key: PeerKey,
    location: Location,
    writer: Writer,
    retry: Retry,
    done: () => void,
    onAnswer: () => void,
  ): void {
    const { settings, mailbox, clock, timers, isDead, onEnded, onGone } = this.deps;
    const limits = { messages: settings.mailboxMessages, bytes: settings.mailboxBytes, ttlMs: settings.mailboxTtlMs };
    const again = (): void => {
      timers.after(retry.failed(clock.now()), () => this.endAs(key, location, writer, retry, done, onAnswer));
    };
    mailbox.append(key, location, writer, [], limits, { seen: '' }).then((reply) => {
      onAnswer();
      if (reply.kind === 'unavailable') return again();
      // This node's own ends when it is told that it is its turn; a dead one is told nothing.
      if (reply.kind === 'wait' && location.node !== settings.node) {
        if (isDead(reply.head.node)) this.endFor(key, reply.head);
        return again();
      }
      if (reply.kind === 'stored' && reply.handedOver === null) {
        // Another write under this name came between; that one's answer is all that the store remembers.
        return this.endAs(key, location, this.writer(writer.node), new Retry(), done, onAnswer);
      }
      if (reply.kind === 'stored' && reply.handedOver !== null) onEnded(key, location, reply.handedOver);
      else onGone(key, location);
      done();
    });
  }
}
