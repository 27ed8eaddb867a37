import {
  type ClientFrame,
  decodeClientText,
  decodeUtf8,
  encodeText,
  type Malformed,
  type MessageId,
  type PeerId,
  type RelayFrame,
} from '@causeway/protocol';
import { EdgeConnection } from './connection.ts';

const BINARY_MESSAGE: Malformed = { reason: 'binary message, causeway.v1.json has text messages only' };
const NOT_UTF8: Malformed = { reason: 'text message is not UTF-8' };

/** `causeway.v1.json`: one text message for each object. Made for trying things by hand, not for speed. */
export class JsonConnection extends EdgeConnection {
  /** Null while nothing waits. */
  #texts: string[] | null = null;

  deliver(seq: number, id: MessageId, flags: number, from: PeerId, payload: Uint8Array): void {
    this.send({ type: 'deliver', seq, id, flags, from, payload });
  }

  receipt(id: MessageId, status: number): void {
    this.send({ type: 'receipt', receipts: [{ id, status }] });
  }

  tunnelData(tunnel: number, bytes: Uint8Array): void {
    if (!this.isOpen) return;
    this.writeOut();
    for (const text of encodeText({ type: 'tunnel_data', tunnel, bytes })) this.transmit(text, false);
  }

  protected write(frame: RelayFrame): void {
    this.markDirty();
    this.#texts ??= [];
    this.#texts.push(...encodeText(frame));
  }

  protected decode(
    message: ArrayBuffer,
    isBinary: boolean,
    onFrame: (frame: ClientFrame) => boolean,
  ): Malformed | null {
    if (isBinary) return BINARY_MESSAGE;
    const text = decodeUtf8(new Uint8Array(message), 0, message.byteLength);
    return text === null ? NOT_UTF8 : decodeClientText(text, onFrame);
  }

  protected writeOut(): void {
    for (const text of this.#texts ?? []) this.transmit(text, false);
    this.discard();
  }

  protected discard(): void {
    this.#texts = null;
  }
}
