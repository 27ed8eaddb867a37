import type { NodeId } from '@causeway/protocol';
import type { Log } from '../clock.ts';
import type { Counters } from '../counters.ts';
import type { FieldReader } from '../node-frame-reader.ts';
import type { Call, Refusal } from './call.ts';
import { readCall, readRefusal, readTunnelEnvelope, TunnelFrame } from './frames.ts';
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

interface Position {
  run: number;
  sequence: number;
}

/** The receiving end of all lanes: reads envelopes in their order, and notices when one is missing. */
export class Arrivals {
  private readonly deps: ArrivalsDeps;
  private readonly positions = new Map<NodeId, Position>();

  constructor(deps: ArrivalsDeps) {
    this.deps = deps;
  }

  take(bytes: Uint8Array): void {
    const { counters, log } = this.deps;
    const envelope = readTunnelEnvelope(bytes);
    if (envelope === null) {
      counters.drop('unreadable_entry');
      return log.error({ bytes: bytes.length }, 'an envelope of tunnels is of no version that this node reads');
    }
    const { sender, run, sequence, frames } = envelope;
    if (!this.isNext(sender, run, sequence)) return counters.drop('stale_frame');
    try {
      while (frames.more) {
        const { type, body } = frames.frame();
        this.handle(sender, type, body);
      }
    } catch (error) {
      counters.drop('unreadable_entry');
      log.error({ source: sender, error: String(error) }, 'an envelope of tunnels is malformed');
      this.deps.onLost(sender, false);
    }
  }

  /** The node is gone for good. */
  forget(node: NodeId): void {
    this.positions.delete(node);
  }

  /** False: it has been taken before. */
  private isNext(sender: NodeId, run: number, sequence: number): boolean {
    const known = this.positions.get(sender);
    if (known === undefined) {
      this.positions.set(sender, { run, sequence });
      return true;
    }
    if (run < known.run || (run === known.run && sequence <= known.sequence)) return false;
    // A node that begins a new run has ended its tunnels, since something may be missing.
    if (run > known.run || sequence > known.sequence + 1) this.deps.onLost(sender, run > known.run);
    known.run = run;
    known.sequence = sequence;
    return true;
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
