import {
  type DecodeFailure,
  decodeClientPacket,
  decodeClientText,
  decodeRelayPacket,
  decodeRelayText,
  type Frame,
} from '../src/index.ts';

export type Side = 'client' | 'relay';

export interface Decoded {
  frames: Frame[];
  failures: DecodeFailure[];
}

/** Gathers what a decoder hands over. A client's input has at most one failure: the first ends it. */
export function decodePacket(from: Side, packet: Uint8Array): Decoded {
  const decoded: Decoded = { frames: [], failures: [] };
  const onFrame = (frame: Frame) => decoded.frames.push(frame) > 0;
  if (from === 'relay') {
    decodeRelayPacket(packet, onFrame, (failure) => decoded.failures.push(failure));
    return decoded;
  }
  const failure = decodeClientPacket(packet, onFrame);
  if (failure !== null) decoded.failures.push(failure);
  return decoded;
}

export function decodeText(from: Side, text: string): Decoded {
  const decoded: Decoded = { frames: [], failures: [] };
  const onFrame = (frame: Frame) => decoded.frames.push(frame) > 0;
  if (from === 'relay') {
    decodeRelayText(text, onFrame, (failure) => decoded.failures.push(failure));
    return decoded;
  }
  const failure = decodeClientText(text, onFrame);
  if (failure !== null) decoded.failures.push(failure);
  return decoded;
}
