import { asPeerId, asRealm, type MessageId, type NodeId, type PeerId, parseMessageId, type RealmName } from './ids.ts';
import { Rejection } from './malformed.ts';

/** Where the two forms differ: how a decoded CBOR or JSON value stands for bytes. */
export type BytesOf = (value: unknown) => Uint8Array | null;

/** Reads one field; undefined if the value is not what is expected. */
export interface Field<T> {
  readonly expected: string;
  readonly read: (value: unknown, bytesOf: BytesOf) => T | undefined;
  /** Stands for a field that is absent. */
  readonly fallback?: T;
}

export interface OptionalField<T> extends Field<T> {
  readonly optional: true;
}

type IsOptional<T, K extends keyof T> = Record<never, never> extends Pick<T, K> ? true : false;

/** One reader for each property of T, optional ones for the optional ones. */
export type Shape<T> = {
  readonly [K in keyof T]-?: IsOptional<T, K> extends true
    ? OptionalField<Exclude<T[K], undefined>>
    : Field<T[K]> & { readonly optional?: never };
};

type AnyShape = Readonly<Record<string, Field<unknown> & { readonly optional?: boolean }>>;

/**
 * Reads the fields of `shape` out of a decoded map; keys that it does not name are ignored.
 * @throws Rejection for the first field that is missing or wrong.
 */
export function readShape(frame: string, shape: AnyShape, value: unknown, bytesOf: BytesOf): Record<string, unknown> {
  if (!isMap(value)) throw new Rejection('field', `${frame} is not a map`);
  const result: Record<string, unknown> = {};
  readInto(result, frame, shape, value, bytesOf);
  return result;
}

function readInto(
  result: Record<string, unknown>,
  path: string,
  shape: AnyShape,
  map: Record<string, unknown>,
  bytesOf: BytesOf,
): void {
  for (const key of Object.keys(shape)) {
    const field = shape[key] as AnyShape[string];
    const value = map[key];
    if (value === undefined) {
      if (field.fallback !== undefined) result[key] = field.fallback;
      else if (!field.optional) throw new Rejection('field', `${path} lacks "${key}"`);
      continue;
    }
    const read = field.read(value, bytesOf);
    if (read === undefined) throw new Rejection('field', `${path} has a "${key}" that is not ${field.expected}`);
    result[key] = read;
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

export function optional<T>(field: Field<T>): OptionalField<T> {
  return { ...field, optional: true };
}

export function withFallback<T>(field: Field<T>, fallback: T): Field<T> & { readonly optional?: never } {
  return { expected: field.expected, read: field.read, fallback };
}

export function field<T>(expected: string, read: Field<T>['read']): Field<T> & { readonly optional?: never } {
  return { expected, read };
}

function asUint(value: unknown, max: number): number | undefined {
  // Adding 0 turns the -0 of JSON into 0.
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max ? value + 0 : undefined;
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export const uint = field('a whole number from 0 to 2^53 - 1', (value) => asUint(value, Number.MAX_SAFE_INTEGER));
export const u32 = field('a whole number from 0 to 2^32 - 1', (value) => asUint(value, 0xffffffff));
export const u8 = field('a whole number from 0 to 255', (value) => asUint(value, 0xff));
export const bool = field('true or false', (value) => (typeof value === 'boolean' ? value : undefined));
export const text = field('a text', asText);
export const node = field('a text', (value) => asText(value) as NodeId | undefined);

export const realm = field<RealmName>('a realm name', (value) =>
  typeof value === 'string' ? (asRealm(value) ?? undefined) : undefined,
);

export const peer = field<PeerId>('a peer id', (value) =>
  typeof value === 'string' ? (asPeerId(value) ?? undefined) : undefined,
);

/** A text that may fail to be a peer id: null then. */
export const anyRecipient = field<PeerId | null>('a text', (value) =>
  typeof value === 'string' ? asPeerId(value) : undefined,
);

/** u64 of the JSON form. */
export const decimalId = field<MessageId>('a decimal number below 2^64 in a string', (value) =>
  typeof value === 'string' ? (parseMessageId(value) ?? undefined) : undefined,
);

export function oneOf<T extends string>(...names: T[]) {
  return field<T>(`one of ${names.join(', ')}`, (value) => names.find((name) => name === value));
}

export const bytes = field<Uint8Array>('bytes', (value, bytesOf) => bytesOf(value) ?? undefined);

export function bytesOfLength(length: number) {
  return field<Uint8Array>(`${length} bytes`, (value, bytesOf) => {
    const read = bytesOf(value);
    return read?.length === length ? read : undefined;
  });
}

export function bytesUpTo(max: number) {
  return field<Uint8Array>(`at most ${max} bytes`, (value, bytesOf) => {
    const read = bytesOf(value);
    return read !== null && read.length <= max ? read : undefined;
  });
}

export function list<T>(item: Field<T>, max: number) {
  const size = max === Infinity ? '' : `of at most ${max}, `;
  const expected = `a list ${size}each ${item.expected}`;
  return field<T[]>(expected, (value, bytesOf) => {
    if (!Array.isArray(value) || value.length > max) return undefined;
    const items: T[] = [];
    for (const entry of value) {
      const read = item.read(entry, bytesOf);
      if (read === undefined) return undefined;
      items.push(read);
    }
    return items;
  });
}

export function map<T extends object>(name: string, shape: Shape<T>) {
  return field<T>('a map', (value, bytesOf) => {
    if (!isMap(value)) return undefined;
    const result: Record<string, unknown> = {};
    readInto(result, name, shape as unknown as AnyShape, value, bytesOf);
    return result as T;
  });
}
