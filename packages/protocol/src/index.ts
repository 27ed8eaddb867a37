export * from './binary.ts';
export * from './codes.ts';
export { encodeFrame } from './encode.ts';
export * from './frames.ts';
export * from './ids.ts';
export { decodeClientText, decodeRelayText, encodeText } from './json.ts';
export * from './limits.ts';
export type { DecodeFailure, MalformedKind } from './malformed.ts';
export { peerIdOfKey, proofMessage } from './proof.ts';
export { decodeUtf8, encodeUtf8 } from './utf8.ts';
export {
  ACK_FRAME_BYTES,
  deliverFrameBytes,
  receiptFrameBytes,
  sendFrameBytes,
  TUNNEL_DATA_HEAD_BYTES,
  writeAckFrame,
  writeDeliverFrame,
  writeReceiptFrame,
  writeSendFrame,
  writeTunnelDataHead,
} from './write.ts';
