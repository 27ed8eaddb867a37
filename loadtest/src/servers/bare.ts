/**
 * The least a relay can do, one map lookup and one send: what Causeway's cost on one node is measured against.
 * A connection's first message is its name (answered with an empty one), every further one `toLen:u8 to payload`.
 */
import { App, type WebSocket } from 'uWebSockets.js';

interface Peer {
  registered: boolean;
}

const MAX_BACKPRESSURE_BYTES = 16 * 1024 * 1024;
const port = Number(process.argv[2]);
const peers = new Map<string, WebSocket<Peer>>();

App()
  .ws<Peer>('/*', {
    maxPayloadLength: 1024 * 1024,
    maxBackpressure: MAX_BACKPRESSURE_BYTES,
    upgrade(response, request, context) {
      response.upgrade<Peer>(
        { registered: false },
        request.getHeader('sec-websocket-key'),
        request.getHeader('sec-websocket-protocol'),
        request.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    message(socket, message) {
      const bytes = Buffer.from(message);
      const peer = socket.getUserData();
      if (!peer.registered) {
        peer.registered = true;
        peers.set(bytes.toString('latin1'), socket);
        socket.send('', true);
        return;
      }
      const end = 1 + (bytes[0] as number);
      peers.get(bytes.toString('latin1', 1, end))?.send(bytes.subarray(end), true);
    },
  })
  .listen('127.0.0.1', port, (socket) => {
    if (!socket) throw new Error(`port ${port} is in use`);
    console.log('listening');
  });
