import type { NodeId } from '@causeway/protocol';
import type { Log } from '../clock.ts';
import type { Counters } from '../counters.ts';
import type { FieldReader } from '../node-frame-reader.ts';
import type { Call, Refusal } from './call.ts';
import { type EnvelopePlace, readCall, readRefusal, readTunnelEnvelope, TunnelFrame } from './frames.ts';
import type { TunnelEnd } from './tunnel-end.ts';

export interface ArrivalsDeps {
  readonly log: Log;
  readonly counters: Counters;
  readonly end: (number: number) => TunnelEnd | undefined;
  readonly onCall: (node: NodeId, caller: number, call: Call) => void;
  readonly onAccepted: (node: NodeId, caller: number, callee: number) => void;
  readonly onRefused: (node: NodeId, caller: number, refusal: Refusal, reason: string) => void;
  readonly onWithdrawn: (node: NodeId, caller: number) => void;
  /** Something that the node had sent is lost: all tunnels with it end. `anew`: it has ended them by itself. */
  readonly onLost: (node: NodeId, anew: boolean) => void;
}

/** What has been taken from a node. */
interface Position {
  run: number;
  /** The last envelope that was taken. */
  sequence: number;
  /** Those that came before one that is still under way, by their sequence: as many as a node has under way at most. */
  readonly early: Map<number, FieldReader>;
}

/** The receiving end of all lanes: puts envelopes in their order, and notices when one is missing. */
export class Arrivals {
  private readonly deps: ArrivalsDeps;
  private readonly positions = new Map<NodeId, Position>();

  constructor(deps: ArrivalsDeps) {
    this.deps = deps;
  }

  /** The bytes are unchanged from now on. */
  take(bytes: Uint8Array): void {
    const { counters, log } = this.deps;
    const envelope = readTunnelEnvelope(bytes);
    if (envelope === null) {
      counters.drop('unreadable_entry');
      return log.error({ bytes: bytes.length }, 'an envelope of tunnels is of no version that this node reads');
    }
    const { sender, sequence, frames } = envelope;
    const position = this.positionFor(sender, envelope);
    if (position === null || position.early.has(sequence)) return counters.drop('stale_frame');
    position.early.set(sequence, frames);
    this.takeInOrder(sender, position);
  }

  /** The node is gone for good. */
  forget(node: NodeId): void {
    this.positions.delete(node);
  }

  /** Null: the envelope has been taken before. */
  private positionFor(sender: NodeId, { run, sequence, settled }: EnvelopePlace): Position | null {
    const known = this.positions.get(sender);
    if (known === undefined) return this.begin(sender, run, settled);
    if (run < known.run || (run === known.run && sequence <= known.sequence)) return null;
    if (run > known.run) {
      // A node that begins a new run has ended its tunnels, since something may be missing.
      this.deps.onLost(sender, true);
      return this.begin(sender, run, settled);
    }
    if (settled > known.sequence) this.skip(sender, known, settled);
    return known;
  }

  private begin(sender: NodeId, run: number, settled: number): Position {
    const position = { run, sequence: settled, early: new Map() };
    this.positions.set(sender, position);
    return position;
  }

  /** What the store confirmed to the sender should have come before this envelope did. */
  private skip(sender: NodeId, position: Position, settled: number): void {
    this.deps.onLost(sender, false);
    position.sequence = settled;
    for (const sequence of position.early.keys()) if (sequence <= settled) position.early.delete(sequence);
  }

  private takeInOrder(sender: NodeId, position: Position): void {
    const { early } = position;
    for (;;) {
      const frames = early.get(position.sequence + 1);
      if (frames === undefined) return;
      position.sequence += 1;
      early.delete(position.sequence);
      this.read(sender, frames);
    }
  }

  private read(sender: NodeId, frames: FieldReader): void {
    try {
      while (frames.more) {
        const { type, body } = frames.frame();
        this.handle(sender, type, body);
      }
    } catch (error) {
      this.deps.counters.drop('unreadable_entry');
      this.deps.log.error({ source: sender, error: String(error) }, 'an envelope of tunnels is malformed');
      this.deps.onLost(sender, false);
    }
  }

  private handle(sender: NodeId, type: number, body: FieldReader): void {
    switch (type) {
      case TunnelFrame.data: {
        const end = this.deps.end(body.u48());
        return end?.data(body.view());
      }
      case TunnelFrame.credit: {
        const end = this.deps.end(body.u48());
        return end?.credit(body.u48());
      }
      case TunnelFrame.end:
        return this.deps.end(body.u48())?.end();
      case TunnelFrame.close: {
        const end = this.deps.end(body.u48());
        return end?.close(body.text());
      }
      case TunnelFrame.call: {
        const { caller, call } = readCall(body);
        return this.deps.onCall(sender, caller, call);
      }
      case TunnelFrame.accepted: {
        const caller = body.u48();
        return this.deps.onAccepted(sender, caller, body.u48());
      }
      case TunnelFrame.refused: {
        const caller = body.u48();
        const { refusal, reason } = readRefusal(body);
        return this.deps.onRefused(sender, caller, refusal, reason);
      }
      case TunnelFrame.withdrawn:
        return this.deps.onWithdrawn(sender, body.u48());
      default:
        return this.deps.counters.drop('unknown_frame');
    }
  }
}
