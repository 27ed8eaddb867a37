import type { NodeId } from '@causeway/protocol';
import { type EnvelopePlace, encodeHead } from './frames.ts';

const FIRST_BYTES = 4096;
/** Builders that are kept for later: enough for a lane at full speed, and half a MiB each at most. */
const KEPT = 8;

/** Frames that are gathered one behind the other; the memory serves the next envelope, too, once this one has arrived. */
export class EnvelopeBuilder {
  private buffer = Buffer.allocUnsafe(FIRST_BYTES);
  private used = 0;

  /** Bytes of the envelope so far. */
  get length(): number {
    return this.used;
  }

  begin(sender: NodeId, place: EnvelopePlace): void {
    this.used = 0;
    this.add(encodeHead(sender, place));
  }

  add(bytes: Uint8Array): void {
    const end = this.used + bytes.length;
    if (end > this.buffer.length) this.grow(end);
    this.buffer.set(bytes, this.used);
    this.used = end;
  }

  /** The envelope, in place: unchanged until the next `begin`. */
  get bytes(): Buffer {
    return this.buffer.subarray(0, this.used);
  }

  private grow(bytes: number): void {
    const larger = Buffer.allocUnsafe(2 ** Math.ceil(Math.log2(bytes)));
    larger.set(this.buffer.subarray(0, this.used));
    this.buffer = larger;
  }
}

/** The builders of all lanes. */
export class EnvelopeBuilders {
  private readonly free: EnvelopeBuilder[] = [];

  take(): EnvelopeBuilder {
    return this.free.pop() ?? new EnvelopeBuilder();
  }

  /** Its envelope is not needed any more, by anybody. */
  give(builder: EnvelopeBuilder): void {
    if (this.free.length < KEPT) this.free.push(builder);
  }
}
