/** Wire types of Protocol Buffers. */
const VARINT = 0;
const FIXED_64 = 1;
const BYTES = 2;
const FIXED_32 = 5;

const LAST_ASCII = 0x7f;
const DIGIT_9 = 0x39;
const DIGIT_0 = 0x30;
/** What an `a` is more than ten. */
const LETTERS = 0x57;

/**
 * Writes Protocol Buffers from the last byte to the first: what is inside a message is written before its length, which is
 * known by then. So nothing is measured before it is written, and nothing moved after.
 */
export class BackWriter {
  private buffer: Buffer;
  private at: number;

  /** @param size bytes to begin with; it grows */
  constructor(size: number) {
    this.buffer = Buffer.allocUnsafe(size);
    this.at = size;
  }

  get length(): number {
    return this.buffer.length - this.at;
  }

  finish(): Buffer {
    return this.buffer.subarray(this.at);
  }

  /** All that was written since there were so many bytes becomes a message in this field. */
  close(field: number, since: number): void {
    this.varint(this.length - since);
    this.tag(field, BYTES);
  }

  uint(field: number, value: number): void {
    this.varint(value);
    this.tag(field, VARINT);
  }

  fixed32(field: number, value: number): void {
    this.make(4);
    this.buffer.writeUInt32LE(value, this.at);
    this.tag(field, FIXED_32);
  }

  fixed64(field: number, low: number, high: number): void {
    this.make(8);
    this.buffer.writeUInt32LE(low, this.at);
    this.buffer.writeUInt32LE(high, this.at + 4);
    this.tag(field, FIXED_64);
  }

  double(field: number, value: number): void {
    this.make(8);
    this.buffer.writeDoubleLE(value, this.at);
    this.tag(field, FIXED_64);
  }

  /** Bytes, given as hexadecimal digits in lower case. */
  hex(field: number, digits: string): void {
    const size = digits.length >> 1;
    this.make(size);
    const { buffer, at } = this;
    for (let i = 0; i < size; i += 1) {
      buffer[at + i] = (digitAt(digits, 2 * i) << 4) | digitAt(digits, 2 * i + 1);
    }
    this.varint(size);
    this.tag(field, BYTES);
  }

  string(field: number, text: string): void {
    const since = this.length;
    if (!this.ascii(text)) {
      this.make(Buffer.byteLength(text));
      this.buffer.write(text, this.at);
    }
    this.close(field, since);
  }

  /** Short as they are, most are written before a call out of JavaScript would have begun. False where it is not ASCII. */
  private ascii(text: string): boolean {
    const size = text.length;
    this.make(size);
    const { buffer, at } = this;
    for (let i = 0; i < size; i += 1) {
      const code = text.charCodeAt(i);
      if (code > LAST_ASCII) {
        this.at += size;
        return false;
      }
      buffer[at + i] = code;
    }
    return true;
  }

  private tag(field: number, wireType: number): void {
    this.varint((field << 3) | wireType);
  }

  private varint(value: number): void {
    let size = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
    this.make(size);
    let { at } = this;
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.buffer[at++] = (rest % 0x80) | 0x80;
    this.buffer[at] = rest;
  }

  /** Room for so many bytes more, in front of the others. */
  private make(bytes: number): void {
    if (this.at < bytes) {
      const { length } = this;
      const grown = Buffer.allocUnsafe(2 * this.buffer.length + bytes);
      this.buffer.copy(grown, grown.length - length, this.at);
      this.at = grown.length - length;
      this.buffer = grown;
    }
    this.at -= bytes;
  }
}

function digitAt(digits: string, index: number): number {
  const code = digits.charCodeAt(index);
  return code <= DIGIT_9 ? code - DIGIT_0 : code - LETTERS;
}
