import { isTemporary, type MessageId, type NodeId } from '@causeway/protocol';
import type { Clock } from './clock.ts';
import type { Counters } from './counters.ts';
import type { DropReason } from './drops.ts';
import type { LoggedEntry } from './inbox-log.ts';
import type { Message } from './message.ts';
import type { Refusals } from './refusals.ts';

export interface ReceiptsDeps {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly refusals: Refusals;
  /** Hands a receipt to a session of this node; a session that is gone needs none. */
  readonly toSession: (session: number, id: MessageId, status: number) => void;
  /** Sends a receipt to another node; `entry` is settled when it has been appended there. */
  readonly toNode: (node: NodeId, session: number, id: MessageId, status: number, entry: LoggedEntry) => void;
}

/** Gives each message its one outcome. */
export class Receipts {
  private readonly deps: ReceiptsDeps;

  constructor(deps: ReceiptsDeps) {
    this.deps = deps;
  }

  give(message: Message, status: number): void {
    this.deps.counters.receipts[status] = (this.deps.counters.receipts[status] as number) + 1;
    const { origin, session, id, entry } = message;
    if (entry === null) this.deps.toSession(session, id, status);
    else this.deps.toNode(origin, session, id, status, entry);
  }

  /** A receipt that is a refusal, counted under its reason; a temporary one holds for what follows it. */
  refuse(message: Message, status: number, reason: DropReason): void {
    this.deps.counters.drop(reason);
    if (isTemporary(status)) this.deps.refusals.add(message, status, this.deps.clock.now());
    this.give(message, status);
  }
}
