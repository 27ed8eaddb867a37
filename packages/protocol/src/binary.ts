import { decodeCbor } from './cbor.ts';
import { FIRST_EXTENSION_TYPE, FRAME_TYPE_NAMES, FrameOrigin, FrameType, type FrameTypeName } from './codes.ts';
import { CONTROL_SHAPES, type ControlFrameName, type DataFrameName, readFrame } from './control.ts';
import { type BodyDecoder, DATA_DECODERS } from './data.ts';
import type { ClientFrame, Frame, RelayFrame } from './frames.ts';
import { readU24 } from './layout.ts';
import { FRAME_HEADER_BYTES, MAX_PACKET_BYTES } from './limits.ts';
import { type DecodeFailure, failureOf, Rejection } from './malformed.ts';

type Decoders<F> = ReadonlyArray<BodyDecoder<F>>;

const CLIENT_DECODERS = decodersFor<ClientFrame>('client');
const RELAY_DECODERS = decodersFor<RelayFrame>('relay');

/**
 * Decodes a packet from a client and calls `onFrame` for each frame in order; false from it ends the work (the
 * connection has closed). Returns what is malformed; the frames before it have been handed over. Payloads are views
 * into the packet. Nothing is thrown but what `onFrame` throws.
 */
export function decodeClientPacket(packet: Uint8Array, onFrame: (frame: ClientFrame) => boolean): DecodeFailure | null {
  const unfit = packetFailure(packet);
  if (unfit !== null) return unfit;
  let at = 0;
  while (at < packet.length) {
    const end = frameEnd(packet, at);
    if (end > packet.length) return truncated(packet, at);
    const type = packet[at] as number;
    if (type < FIRST_EXTENSION_TYPE) {
      const frame = decodeBody(CLIENT_DECODERS, type, packet, at + FRAME_HEADER_BYTES, end);
      if ('kind' in frame) return frame;
      if (!onFrame(frame)) return null;
    }
    at = end;
  }
  return null;
}

/**
 * Decodes a packet from a relay and calls `onFrame` for each frame in order; false from it ends the work. A malformed
 * frame goes to `onMalformed` and is skipped. Payloads are views into the packet. Nothing is thrown but what the
 * callbacks throw.
 */
export function decodeRelayPacket(
  packet: Uint8Array,
  onFrame: (frame: RelayFrame) => boolean,
  onMalformed: (malformed: DecodeFailure) => void,
): void {
  const unfit = packetFailure(packet);
  if (unfit !== null) {
    onMalformed(unfit);
    return;
  }
  let at = 0;
  while (at < packet.length) {
    const end = frameEnd(packet, at);
    if (end > packet.length) {
      onMalformed(truncated(packet, at));
      return;
    }
    const type = packet[at] as number;
    if (type < FIRST_EXTENSION_TYPE) {
      const frame = decodeBody(RELAY_DECODERS, type, packet, at + FRAME_HEADER_BYTES, end);
      if ('kind' in frame) onMalformed(frame);
      else if (!onFrame(frame)) return;
    }
    at = end;
  }
}

function packetFailure(packet: Uint8Array): DecodeFailure | null {
  if (packet.length === 0) return { kind: 'packet_size', reason: 'packet is empty, at least one frame is needed' };
  if (packet.length <= MAX_PACKET_BYTES) return null;
  return { kind: 'packet_size', reason: `packet is ${packet.length} bytes, at most ${MAX_PACKET_BYTES} are allowed` };
}

/** Offset behind the frame at `at`; beyond the packet where the header or the body is cut off. */
function frameEnd(packet: Uint8Array, at: number): number {
  const bodyAt = at + FRAME_HEADER_BYTES;
  return bodyAt > packet.length ? bodyAt : bodyAt + readU24(packet, at + 1);
}

function truncated(packet: Uint8Array, at: number): DecodeFailure {
  const needed = frameEnd(packet, at) - at;
  return { kind: 'truncated', reason: `frame at byte ${at} needs ${needed} bytes, ${packet.length - at} are left` };
}

function decodeBody<F>(
  decoders: Decoders<F>,
  type: number,
  packet: Uint8Array,
  from: number,
  to: number,
): F | DecodeFailure {
  try {
    return (decoders[type] as BodyDecoder<F>)(packet, from, to);
  } catch (error) {
    return failureOf(error);
  }
}

/** A decoder for each type below the extensions; those of frames that this side may not send reject them. */
function decodersFor<F extends Frame>(sender: 'client' | 'relay'): Decoders<F> {
  const decoders: BodyDecoder<Frame>[] = Array.from({ length: FIRST_EXTENSION_TYPE }, (_, type) => () => {
    throw new Rejection('unknown_type', `frame type 0x${type.toString(16).padStart(2, '0')} is unknown`);
  });
  for (const name of FRAME_TYPE_NAMES) {
    const origin = FrameOrigin[name];
    decoders[FrameType[name]] = origin === sender || origin === 'both' ? decoderOf(name) : wrongDirection(name);
  }
  return decoders as unknown as Decoders<F>;
}

function wrongDirection(name: FrameTypeName): BodyDecoder<never> {
  return () => {
    throw new Rejection('wrong_direction', `${name.toUpperCase()} comes only from a ${FrameOrigin[name]}`);
  };
}

function decoderOf(name: FrameTypeName): BodyDecoder<Frame> {
  return isDataFrame(name) ? DATA_DECODERS[name] : controlDecoder(name);
}

function isDataFrame(name: FrameTypeName): name is DataFrameName {
  return Object.hasOwn(DATA_DECODERS, name);
}

function controlDecoder<Name extends ControlFrameName>(name: Name): BodyDecoder<Frame> {
  const label = name.toUpperCase();
  const shape = CONTROL_SHAPES[name];
  return (packet, from, to) => readFrame(name, shape, decodeCbor(label, packet, from, to), bytesOfCbor);
}

function bytesOfCbor(value: unknown): Uint8Array | null {
  return value instanceof Uint8Array ? value : null;
}
