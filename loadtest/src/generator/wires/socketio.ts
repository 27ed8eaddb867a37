import { clientFrame, Opcode } from '../frames.ts';
import type { Wire } from './wire.ts';

const PING = '2';
const PONG = clientFrame(Opcode.text, Buffer.from('3'));

/** Socket.IO protocol 5 over Engine.IO 4, WebSocket only; a payload travels as the one attachment of event `m`. */
export const socketio: Wire = {
  path: '/socket.io/?EIO=4&transport=websocket',
  subprotocol: null,
  receipts: false,

  async register(connection, name) {
    await connection.expect((_opcode, buffer, start) => buffer[start] === 0x30);
    const connected = connection.expect(
      (_opcode, buffer, start) => buffer.toString('latin1', start, start + 2) === '40',
    );
    connection.write(clientFrame(Opcode.text, Buffer.from(`40${JSON.stringify({ name })}`)));
    await connected;
  },

  template(to, payload) {
    const event = `451-${JSON.stringify(['m', to, { _placeholder: true, num: 0 }])}`;
    const attachment = clientFrame(Opcode.binary, payload);
    const bytes = Buffer.concat([clientFrame(Opcode.text, Buffer.from(event)), attachment]);
    return { bytes, payloadAt: bytes.length - payload.length, idAt: null };
  },

  receive(connection, sink) {
    connection.onFrame = (opcode, buffer, start, end) => {
      if (opcode === Opcode.binary) sink.delivered(buffer, start);
      else if (end - start === 1 && buffer.toString('latin1', start, end) === PING) connection.write(PONG);
    };
    return { acknowledge() {} };
  },
};
