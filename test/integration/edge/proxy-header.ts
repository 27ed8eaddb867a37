/** PROXY headers by hand (haproxy.org/download/2.6/doc/proxy-protocol.txt, section 2.2), and upgrades behind them. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SUBPROTOCOL_BINARY } from '@causeway/protocol';

/** In the answer to an upgrade that succeeded. */
export const UPGRADED = ' 101 ';
const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const PORTS = Buffer.from([0x30, 0x39, 0x1b, 0x9e]);
export const COMMAND = { local: 0, proxy: 1 } as const;
export const FAMILY = { unspecified: 0, tcp4: 0x11, tcp6: 0x21, unix: 0x31 } as const;

export function header(command: number, family: number, body: Uint8Array = new Uint8Array()): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.from([0x20 | command, family, body.length >> 8, body.length & 0xff]), body]);
}

/** The header of a client with this IPv4 address. */
export function fromV4(address: string): Buffer {
  const source = Buffer.from(address.split('.').map(Number));
  return header(COMMAND.proxy, FAMILY.tcp4, Buffer.concat([source, Buffer.from([127, 0, 0, 1]), PORTS]));
}

/** The same for IPv6. @param hex the address's 16 bytes */
export function fromV6(hex: string): Buffer {
  const source = Buffer.from(hex, 'hex');
  return header(COMMAND.proxy, FAMILY.tcp6, Buffer.concat([source, Buffer.alloc(16), PORTS]));
}

export function upgradeRequest(...lines: string[]): Buffer {
  const all = [
    'GET /v1 HTTP/1.1',
    'Host: relay',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    `Sec-WebSocket-Protocol: ${SUBPROTOCOL_BINARY}`,
    ...lines,
  ];
  return Buffer.from(`${all.join('\r\n')}\r\n\r\n`);
}

export function getRequest(path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: relay\r\n\r\n`);
}

/**
 * Writes the pieces, each as a segment of its own, and nothing more.
 * @returns what the relay answers until it closes, which it does by then unless a WebSocket has come of it
 */
export async function converse(port: number, pieces: readonly Uint8Array[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  let received = '';
  socket.on('error', () => undefined);
  const done = new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
    socket.on('end', () => resolve());
    socket.on('data', (data) => {
      received += data.toString('latin1');
      if (received.includes(UPGRADED)) resolve();
    });
  });
  await once(socket, 'connect');
  for (const piece of pieces) {
    // Lets the relay read what was written before as a segment of its own.
    await sleep(10);
    if (!socket.destroyed) socket.write(piece);
  }
  await sleep(10);
  socket.end();
  await done;
  socket.destroy();
  return received;
}
