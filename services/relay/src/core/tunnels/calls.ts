import type { NodeId } from '@causeway/protocol';
import type { PeerKey } from '../address.ts';
import type { Clock, Log, Timers } from '../clock.ts';
import type { Directory } from '../ports.ts';
import type { Call, Callee, Caller, IncomingCall, Refusal } from './call.ts';
import { encodeAccepted, encodeCall, encodeClose, encodeRefused, encodeWithdrawn } from './frames.ts';
import type { Lane } from './lane.ts';
import { RemoteEnd } from './remote-end.ts';

/** A peer that moves is looked for so long. */
const LOOK_FOR_MS = 2000;
const LOOK_AGAIN_MS = 100;
/** Who has heard nothing by then never will: an offer ends sooner. */
const ANSWER_MS = 15_000;
const NO_MESSAGES = { messages: 0, bytes: 0, ttlMs: 1 };

export interface CallsDeps {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly directory: Directory;
  readonly nextWrite: () => number;
  readonly isDead: (node: NodeId) => boolean;
  readonly lane: (node: NodeId) => Lane;
  /** A peer that is connected to this node. */
  readonly callee: (key: PeerKey) => Callee | undefined;
}

/** A call of a peer of this node, until it is answered or withdrawn. */
interface Outgoing {
  readonly call: Call;
  readonly caller: Caller;
  /** Milliseconds since 1970 at which the peer was called. */
  readonly since: number;
  /** The node that was asked; null while it is looked for, or called here. */
  node: NodeId | null;
  cancel: () => void;
  withdraw: () => void;
}

/** Brings the calls for tunnels from peer to peer, on this node or between two. */
export class Calls {
  private readonly deps: CallsDeps;
  /** By the number of the caller's end. */
  private readonly outgoing = new Map<number, Outgoing>();
  /** Calls of other nodes' peers that have no answer: how to take each back, by `<node>/<number>`. */
  private readonly incoming = new Map<string, () => void>();

  constructor(deps: CallsDeps) {
    this.deps = deps;
  }

  /** Answers how to take the call back, which tells whether nobody had been asked yet. */
  place(call: Call, caller: Caller): () => boolean {
    const { number } = caller.end;
    const { timers, clock } = this.deps;
    const cancel = timers.after(ANSWER_MS, () => {
      outgoing.withdraw();
      this.refuse(number, 'unavailable', 'nobody answered in time');
    });
    const nothing = (): void => undefined;
    const outgoing: Outgoing = { call, caller, since: clock.now(), node: null, cancel, withdraw: nothing };
    this.outgoing.set(number, outgoing);
    this.try(number);
    return () => {
      if (this.answer(number) === null) return false;
      const unasked = outgoing.node === null;
      outgoing.withdraw();
      return unasked;
    };
  }

  // What other nodes say.

  called(node: NodeId, number: number, call: Call): void {
    const lane = this.deps.lane(node);
    const callee = this.deps.callee(call.to);
    if (callee === undefined) return lane.control(encodeRefused(number, 'offline', ''));
    const name = `${node}/${number}`;
    const answered = (frame: Uint8Array): void => {
      this.incoming.delete(name);
      lane.control(frame);
    };
    let isAnswered = false;
    const withdraw = callee.called({
      call,
      accept: (end) => {
        isAnswered = true;
        answered(encodeAccepted(number, end.number));
        return new RemoteEnd(end, number, lane);
      },
      refuse: (refusal, reason) => {
        isAnswered = true;
        answered(encodeRefused(number, refusal, reason));
      },
    });
    if (!isAnswered) this.incoming.set(name, withdraw);
  }

  withdrawn(node: NodeId, number: number): void {
    const name = `${node}/${number}`;
    this.incoming.get(name)?.();
    this.incoming.delete(name);
  }

  accepted(node: NodeId, number: number, callee: number): void {
    const lane = this.deps.lane(node);
    const outgoing = this.askedOf(node, number);
    if (outgoing === null) return lane.control(encodeClose(callee, 'peer_gone'));
    this.answer(number);
    outgoing.caller.accepted(new RemoteEnd(outgoing.caller.end, callee, lane));
  }

  refused(node: NodeId, number: number, refusal: Refusal, reason: string): void {
    const outgoing = this.askedOf(node, number);
    if (outgoing !== null) this.refusedBy(number, outgoing, refusal, reason);
  }

  /** What was under way to a node, or came from it, is lost, or the node is gone. */
  lost(node: NodeId): void {
    for (const [number, outgoing] of this.outgoing)
      if (outgoing.node === node) this.tryLater(number, outgoing, 'offline');
    for (const [name, withdraw] of this.incoming) {
      if (!name.startsWith(`${node}/`)) continue;
      this.incoming.delete(name);
      withdraw();
    }
  }

  private try(number: number): void {
    const outgoing = this.outgoing.get(number);
    if (outgoing === undefined) return;
    const { call, caller } = outgoing;
    outgoing.node = null;
    outgoing.withdraw = () => undefined;
    const callee = this.deps.callee(call.to);
    if (callee === undefined) return this.look(number, outgoing);
    const incoming: IncomingCall = {
      call,
      accept: (end) => {
        if (this.answer(number) === null) return null;
        caller.accepted(end);
        return caller.end;
      },
      refuse: (refusal, reason) => this.refusedBy(number, outgoing, refusal, reason),
    };
    outgoing.withdraw = callee.called(incoming);
  }

  private look(number: number, outgoing: Outgoing): void {
    const { directory, self, nextWrite, isDead, lane } = this.deps;
    const { call } = outgoing;
    const located = directory.locateOrStore(call.to, { node: self, sequence: nextWrite() }, [], NO_MESSAGES);
    const found = located.then((reply) => {
      if (!this.outgoing.has(number)) return;
      if (reply.kind === 'stored') return this.refuse(number, 'offline', '');
      if (reply.kind === 'unavailable') return this.tryLater(number, outgoing, 'unavailable');
      const { node } = reply.location;
      if (node === self || isDead(node)) return this.tryLater(number, outgoing, 'offline');
      outgoing.node = node;
      outgoing.withdraw = () => lane(node).control(encodeWithdrawn(number));
      lane(node).control(encodeCall(number, call));
    });
    // One client's request must not end the process.
    found.catch((error: unknown) => {
      this.deps.log.error({ err: error }, 'a call for a tunnel failed unexpectedly');
      this.refuse(number, 'unavailable', '');
    });
  }

  /** A peer that is offline may just have moved, and be found elsewhere. */
  private refusedBy(number: number, outgoing: Outgoing, refusal: Refusal, reason: string): void {
    if (this.outgoing.get(number) !== outgoing) return;
    if (refusal === 'offline') this.tryLater(number, outgoing, refusal);
    else this.refuse(number, refusal, reason);
  }

  private tryLater(number: number, outgoing: Outgoing, otherwise: Refusal): void {
    const { clock, timers } = this.deps;
    outgoing.node = null;
    outgoing.withdraw = () => undefined;
    if (clock.now() - outgoing.since >= LOOK_FOR_MS) return this.refuse(number, otherwise, '');
    const cancel = timers.after(LOOK_AGAIN_MS, () => this.try(number));
    outgoing.withdraw = cancel;
  }

  /** Null: the node was not asked, or the call was given up as lost and is tried again: one answer counts. */
  private askedOf(node: NodeId, number: number): Outgoing | null {
    const outgoing = this.outgoing.get(number);
    return outgoing?.node === node ? outgoing : null;
  }

  private refuse(number: number, refusal: Refusal, reason: string): void {
    this.answer(number)?.caller.refused(refusal, reason);
  }

  /** Null: it was answered or withdrawn before. */
  private answer(number: number): Outgoing | null {
    const outgoing = this.outgoing.get(number);
    if (outgoing === undefined) return null;
    this.outgoing.delete(number);
    outgoing.cancel();
    return outgoing;
  }
}
