import type { FrameTypeName } from './codes.ts';
import { isReceiptStatusName, ReceiptStatus } from './codes.ts';
import { CONTROL_SHAPES, type DataFrameName, type FrameShape } from './control.ts';
import {
  anyRecipient,
  bytes,
  bytesOfLength,
  bytesUpTo,
  decimalId,
  field,
  type Shape,
  u8,
  u32,
  uint,
  withFallback,
} from './fields.ts';
import type { FrameOf, Receipt } from './frames.ts';
import { MAX_TUNNEL_DATA_BYTES, PING_BYTES, PROTOCOL_VERSION } from './limits.ts';

const statusByName = field<number>('the name of a status', (value) =>
  typeof value === 'string' && isReceiptStatusName(value) ? ReceiptStatus[value] : undefined,
);

const data = bytesOfLength(PING_BYTES);

/** A receipt object stands alone in the JSON form. */
export const RECEIPT_SHAPE: Shape<Receipt> = { id: decimalId, status: statusByName };

/** The fields of the frames that are binary layouts in the other form. */
const DATA_SHAPES: { readonly [Name in Exclude<DataFrameName, 'receipt'>]: FrameShape<Name> } = {
  ping: { data },
  pong: { data },
  send: {
    id: withFallback<FrameOf<'send'>['id']>(decimalId, null),
    flags: withFallback(u8, 0),
    to: anyRecipient,
    payload: bytes,
  },
  deliver: { seq: u32, id: decimalId, flags: u8, from: CONTROL_SHAPES.presence.peer, payload: bytes },
  ack: { seq: u32 },
  tunnel_data: { tunnel: u32, bytes: bytesUpTo(MAX_TUNNEL_DATA_BYTES) },
  tunnel_credit: { tunnel: u32, bytes: u32 },
  tunnel_end: { tunnel: u32 },
};

export const JSON_SHAPES: { readonly [Name in Exclude<FrameTypeName, 'receipt'>]: FrameShape<Name> } = {
  ...CONTROL_SHAPES,
  ...DATA_SHAPES,
  // Left out by people who try it by hand.
  hello: { ...CONTROL_SHAPES.hello, v: withFallback(uint, PROTOCOL_VERSION) },
};
