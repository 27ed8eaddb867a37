import { clientFrame, Opcode } from '../frames.ts';
import type { Wire } from './wire.ts';

/** The bare relay: the first message is the name, every further one `toLen:u8 to payload`. */
export const bare: Wire = {
  path: '/',
  subprotocol: null,
  receipts: false,

  async register(connection, name) {
    const confirmed = connection.expect(() => true);
    connection.write(clientFrame(Opcode.binary, Buffer.from(name)));
    await confirmed;
  },

  template(to, payload) {
    const name = Buffer.from(to);
    const bytes = clientFrame(Opcode.binary, Buffer.from([name.length]), name, payload);
    return { bytes, payloadAt: bytes.length - payload.length, idAt: null };
  },

  receive(connection, sink) {
    connection.onFrame = (_opcode, buffer, start) => sink.delivered(buffer, start);
    return { acknowledge() {} };
  },
};
