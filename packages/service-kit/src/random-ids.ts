import { randomFillSync } from 'node:crypto';

/** An id keeps alive what was drawn with it: not much, since some live as long as a connection. */
const DRAWN_BYTES = 256;

/** Ids of traces and spans: hexadecimal digits, drawn many at once. One in 2^64 is all zeros, which nobody will see. */
export class RandomIds {
  private readonly bytes = Buffer.alloc(DRAWN_BYTES);
  private digits = '';
  private used = 0;

  trace(): string {
    return this.draw(32);
  }

  span(): string {
    return this.draw(16);
  }

  private draw(length: number): string {
    if (this.used + length > this.digits.length) {
      this.digits = randomFillSync(this.bytes).toString('hex');
      this.used = 0;
    }
    this.used += length;
    return this.digits.slice(this.used - length, this.used);
  }
}
