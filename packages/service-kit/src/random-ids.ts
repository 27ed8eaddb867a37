import { randomFillSync } from 'node:crypto';

/**
 * Drawn at once. Traces are rare, so a draw finds nothing of itself in the caches, and costs some 20 µs: as much for these
 * as for 256 bytes.
 */
const DRAWN_BYTES = 4096;
/** Made into digits at once, a part of what is drawn. An id keeps them alive: not many, since some live as long as a connection. */
const DIGITS_BYTES = 256;

/** Ids of traces and spans: hexadecimal digits, drawn many at once. One in 2^64 is all zeros, which nobody will see. */
export class RandomIds {
  private readonly fill: (bytes: Buffer) => void;
  private readonly bytes = Buffer.alloc(DRAWN_BYTES);
  private usedBytes = DRAWN_BYTES;
  private digits = '';
  private used = 0;

  constructor(fill: (bytes: Buffer) => void = randomFillSync) {
    this.fill = fill;
  }

  trace(): string {
    return this.draw(32);
  }

  span(): string {
    return this.draw(16);
  }

  private draw(length: number): string {
    if (this.used + length > this.digits.length) this.next();
    this.used += length;
    return this.digits.slice(this.used - length, this.used);
  }

  private next(): void {
    if (this.usedBytes === DRAWN_BYTES) {
      this.fill(this.bytes);
      this.usedBytes = 0;
    }
    this.digits = this.bytes.toString('hex', this.usedBytes, this.usedBytes + DIGITS_BYTES);
    this.usedBytes += DIGITS_BYTES;
    this.used = 0;
  }
}
