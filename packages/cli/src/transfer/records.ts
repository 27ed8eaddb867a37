import { decode, encode, rfc8949EncodeOptions } from 'cborg';
import { FAULTS, type Fault, TransferError } from './errors.ts';

export const VERSION = 1;
/** Bytes of SHA-256. */
export const HASH_BYTES = 32;

/** What the two ends are; a pipe and a transfer must not take each other for their own. */
export type Role = 'sender' | 'receiver' | 'pipe';
const ROLES: readonly Role[] = ['sender', 'receiver', 'pipe'];

/** A file or folder that is offered; entries are numbered in the order in which they are sent, from 0. */
export interface Entry {
  /** Names from the target folder down; the last is its own. */
  readonly path: readonly string[];
  readonly folder: boolean;
  /** Bytes; absent for folders and for what ends when it ends. */
  readonly size?: number;
  readonly executable: boolean;
}

export type Control =
  | { readonly type: 'hello'; readonly version: number; readonly role: Role }
  | ({ readonly type: 'entry' } & Entry)
  | { readonly type: 'ready' }
  | { readonly type: 'have'; readonly file: number; readonly bytes: number }
  | { readonly type: 'prefix'; readonly file: number; readonly hash?: Uint8Array }
  | { readonly type: 'take'; readonly file: number; readonly from: number }
  | { readonly type: 'file'; readonly file: number; readonly from: number }
  | { readonly type: 'got'; readonly file: number; readonly bytes: number }
  | { readonly type: 'end'; readonly hash: Uint8Array }
  | { readonly type: 'saved'; readonly file: number }
  | { readonly type: 'done' }
  | { readonly type: 'wait' }
  | { readonly type: 'error'; readonly fault: Fault; readonly message: string };

export type ControlOf<Type extends Control['type']> = Extract<Control, { type: Type }>;

/** Deterministic, as RFC 8949, section 4.2.1 says. */
export function encodeControl(control: Control): Uint8Array {
  return encode(control, { ...rfc8949EncodeOptions, ignoreUndefinedProperties: true });
}

/** @throws TransferError `protocol` */
export function decodeControl(body: Uint8Array): Control {
  let value: unknown;
  try {
    // A plain view: slices of a Buffer would share its memory.
    const plain = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
    value = decode(plain, { allowIndefinite: false, allowUndefined: false, rejectDuplicateMapKeys: true });
  } catch (error) {
    throw broken(`is not CBOR: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value !== 'object' || value === null) throw broken('is not a map');
  return readControl(value as Fields);
}

type Fields = Readonly<Record<string, unknown>>;

function readControl(fields: Fields): Control {
  const { type } = fields;
  switch (type) {
    case 'hello':
      return { type, version: uint(fields, 'version'), role: oneOf(fields, 'role', ROLES) };
    case 'entry':
      return readEntry(fields);
    case 'have':
    case 'got':
      return { type, file: uint(fields, 'file'), bytes: uint(fields, 'bytes') };
    case 'take':
    case 'file':
      return { type, file: uint(fields, 'file'), from: uint(fields, 'from') };
    case 'prefix':
      return { type, file: uint(fields, 'file'), ...(fields.hash !== undefined && { hash: hash(fields) }) };
    case 'end':
      return { type, hash: hash(fields) };
    case 'saved':
      return { type, file: uint(fields, 'file') };
    case 'ready':
    case 'done':
    case 'wait':
      return { type };
    case 'error':
      return { type, fault: faultOf(fields), message: text(fields, 'message') };
    default:
      throw broken(`is of the unknown type ${JSON.stringify(type)}`);
  }
}

function readEntry(fields: Fields): ControlOf<'entry'> {
  const { path, folder, executable, size } = fields;
  if (!Array.isArray(path) || !path.every((name) => typeof name === 'string')) throw broken('has no path');
  return {
    type: 'entry',
    path,
    folder: folder === true,
    executable: executable === true,
    ...(size !== undefined && { size: uint(fields, 'size') }),
  };
}

function uint(fields: Fields, key: string): number {
  const value = fields[key];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw broken(`has no whole number "${key}"`);
}

function text(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value === 'string') return value;
  throw broken(`has no text "${key}"`);
}

function hash(fields: Fields): Uint8Array {
  const value = fields.hash;
  if (value instanceof Uint8Array && value.length === HASH_BYTES) return value;
  throw broken(`has no hash of ${HASH_BYTES} bytes`);
}

function oneOf<T extends string>(fields: Fields, key: string, values: readonly T[]): T {
  const found = values.find((value) => value === fields[key]);
  if (found !== undefined) return found;
  throw broken(`has no known "${key}"`);
}

/** A later version may know more reasons: its message says it all the same. */
function faultOf(fields: Fields): Fault {
  return FAULTS.find((fault) => fault === fields.fault) ?? 'internal';
}

function broken(what: string): TransferError {
  return new TransferError('protocol', `a record of the other end ${what}`);
}
