import { decodeRelayPacket, HARD_PACKET_BYTES, isTemporary } from '@causeway/protocol';
import { WebSocket } from 'ws';

/** `WebSocket` of the package `ws` whose incoming receipts are looked at on their way to the client. */
export function tappedWebSocket(onRefusal: () => void) {
  function look(packet: unknown): void {
    if (!(packet instanceof ArrayBuffer)) return;
    decodeRelayPacket(
      new Uint8Array(packet),
      (frame) => {
        if (frame.type !== 'receipt') return true;
        for (const { status } of frame.receipts) if (isTemporary(status)) onRefusal();
        return true;
      },
      // The client says so.
      () => undefined,
    );
  }

  return class extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { perMessageDeflate: false, maxPayload: HARD_PACKET_BYTES });
      this.addEventListener('message', ({ data }) => look(data));
    }
  };
}
