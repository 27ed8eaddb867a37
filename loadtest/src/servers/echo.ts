/** Sends back what comes, as it is: the least that a relay on one node can do with bulk. */
import { App } from 'uWebSockets.js';

const MAX_BACKPRESSURE_BYTES = 16 * 1024 * 1024;
const port = Number(process.argv[2]);

App()
  .ws('/*', {
    maxPayloadLength: 1024 * 1024,
    maxBackpressure: MAX_BACKPRESSURE_BYTES,
    message: (socket, message) => void socket.send(message, true),
  })
  .listen('127.0.0.1', port, (socket) => {
    if (!socket) throw new Error(`port ${port} is in use`);
    console.log('listening');
  });
