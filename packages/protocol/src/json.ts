import { decodeBase64, encodeBase64 } from './base64.ts';
import { FrameOrigin, type FrameTypeName, isFrameTypeName, receiptStatusName } from './codes.ts';
import { readFrame } from './control.ts';
import { readShape } from './fields.ts';
import type { ClientFrame, Frame, Receipt, ReceiptFrame, RelayFrame } from './frames.ts';
import { JSON_SHAPES, RECEIPT_SHAPE } from './json-shapes.ts';
import { MAX_PACKET_BYTES } from './limits.ts';
import { type DecodeFailure, failureOf, Rejection } from './malformed.ts';
import { encodeUtf8, hasLoneSurrogate, utf8Length } from './utf8.ts';

/**
 * Decodes a text message from a client, which is one frame. Returns what is malformed. Nothing is thrown but what
 * `onFrame` throws.
 */
export function decodeClientText(text: string, onFrame: (frame: ClientFrame) => boolean): DecodeFailure | null {
  const frame = decodeText(text, 'client');
  if ('kind' in frame) return frame;
  onFrame(frame as ClientFrame);
  return null;
}

/**
 * Decodes a text message from a relay; what is malformed goes to `onMalformed`. Nothing is thrown but what the
 * callbacks throw.
 */
export function decodeRelayText(
  text: string,
  onFrame: (frame: RelayFrame) => boolean,
  onMalformed: (malformed: DecodeFailure) => void,
): void {
  const frame = decodeText(text, 'relay');
  if ('kind' in frame) onMalformed(frame);
  else onFrame(frame as RelayFrame);
}

function decodeText(text: string, sender: 'client' | 'relay'): Frame | DecodeFailure {
  try {
    needPacketSize(text);
    const value = parse(text);
    const name = frameName(value, sender);
    return name === 'receipt' ? readReceipt(value) : readByName(name, value);
  } catch (error) {
    return failureOf(error);
  }
}

function needPacketSize(text: string): void {
  // A unit of UTF-16 is at most 3 bytes of UTF-8, so that most messages need no count.
  if (text.length * 3 <= MAX_PACKET_BYTES) return;
  if (text.length <= MAX_PACKET_BYTES && utf8Length(text) <= MAX_PACKET_BYTES) return;
  throw new Rejection('packet_size', `message is more than ${MAX_PACKET_BYTES} bytes`);
}

function parse(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Rejection('encoding', 'message is not JSON');
  }
  if (hasLoneSurrogate(text) || (ESCAPED_SURROGATE.test(text) && containsLoneSurrogate(value))) {
    throw new Rejection('encoding', 'message contains a lone surrogate');
  }
  return value;
}

const ESCAPED_SURROGATE = /\\u[dD][89a-fA-F]/;

/** Walks with a list of its own, since the value may be nested deeper than the call stack. */
function containsLoneSurrogate(root: unknown): boolean {
  const pending: unknown[] = [root];
  while (pending.length > 0) {
    const value = pending.pop();
    if (typeof value === 'string' && hasLoneSurrogate(value)) return true;
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, entry] of Object.entries(value)) {
      if (hasLoneSurrogate(key)) return true;
      pending.push(entry);
    }
  }
  return false;
}

function frameName(value: unknown, sender: 'client' | 'relay'): FrameTypeName {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Rejection('encoding', 'message is not a JSON object');
  }
  const type = 'type' in value ? value.type : undefined;
  if (typeof type !== 'string') throw new Rejection('field', 'message lacks "type", the name of its frame');
  if (!isFrameTypeName(type)) throw new Rejection('unknown_type', 'message has an unknown "type"');
  const origin = FrameOrigin[type];
  if (origin !== sender && origin !== 'both') {
    throw new Rejection('wrong_direction', `${type.toUpperCase()} comes only from a ${origin}`);
  }
  return type;
}

function readByName(name: Exclude<FrameTypeName, 'receipt'>, value: unknown): Frame {
  const map = name === 'send' ? withPayload(value as Record<string, unknown>) : value;
  return readFrame(name, JSON_SHAPES[name], map, bytesOfJson);
}

/** Puts the bytes of `text` in the place of `payload`. */
function withPayload(send: Record<string, unknown>): Record<string, unknown> {
  if (send.text === undefined) return send;
  if (send.payload !== undefined) throw new Rejection('field', 'SEND has both "text" and "payload"');
  if (typeof send.text !== 'string') throw new Rejection('field', 'SEND has a "text" that is not a text');
  return { ...send, payload: encodeUtf8(send.text) };
}

function bytesOfJson(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  return typeof value === 'string' ? decodeBase64(value) : null;
}

function readReceipt(value: unknown): ReceiptFrame {
  const receipt = readShape('RECEIPT', RECEIPT_SHAPE as unknown as Parameters<typeof readShape>[1], value, bytesOfJson);
  return { type: 'receipt', receipts: [receipt as unknown as Receipt] };
}

/**
 * Encodes any frame in the JSON form: one text message, and for RECEIPT one for each receipt.
 * @throws RangeError for a receipt whose status has no name.
 */
export function encodeText(frame: Frame): string[] {
  if (frame.type === 'receipt') return frame.receipts.map(encodeReceipt);
  if (frame.type !== 'send') return [JSON.stringify(toJson(frame))];
  const { id, to, ...rest } = frame;
  // As in the binary form, the empty id stands for one that is not valid.
  const fields = { ...rest, to: to ?? '' };
  return [JSON.stringify(toJson(id === null ? fields : { ...fields, id }))];
}

function encodeReceipt(receipt: Receipt): string {
  const status = receiptStatusName(receipt.status);
  if (status === undefined) throw new RangeError(`receipt status ${receipt.status} has no name`);
  return JSON.stringify({ type: 'receipt', id: String(receipt.id), status });
}

/** Bytes become base64 and message ids decimal strings, at any depth. */
function toJson(value: unknown, key?: string): unknown {
  if (value instanceof Uint8Array) return encodeBase64(value);
  if (key === 'id') return String(value);
  if (Array.isArray(value)) return value.map((entry) => toJson(entry));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, toJson(entry, name)]));
}
