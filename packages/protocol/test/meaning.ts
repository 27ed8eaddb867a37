import type { Frame } from '../src/index.ts';
import { type MessageId, parseMessageId } from '../src/index.ts';

/** A run of the same text or hex, for vectors that are too long to write down. */
export interface Repeat {
  repeat: string;
  times: number;
}
export type Long = string | (string | Repeat)[];

/** A frame as the vectors write it: bytes as `{hex}` or a `Repeat` of hex, message ids as decimal strings. */
export type Meaning = { type: string } & Record<string, unknown>;

export function expand(long: Long): string {
  if (typeof long === 'string') return long;
  return long.map((part) => (typeof part === 'string' ? part : part.repeat.repeat(part.times))).join('');
}

export function fromHex(hex: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/.test(hex)) throw new Error(`not hex: ${hex.slice(0, 40)}`);
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function frameOf(meaning: Meaning): Frame {
  return resolve(meaning) as Frame;
}

function resolve(value: unknown, key?: string): unknown {
  if (key === 'id' && typeof value === 'string') return idOf(value);
  if (Array.isArray(value)) return value.map((entry) => resolve(entry));
  if (typeof value !== 'object' || value === null) return value;
  if ('hex' in value) return fromHex(value.hex as string);
  if ('repeat' in value) return fromHex(expand([value as Repeat]));
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, resolve(entry, name)]));
}

function idOf(decimal: string): MessageId {
  const id = parseMessageId(decimal);
  if (id === null) throw new Error(`not an id: ${decimal}`);
  return id;
}
