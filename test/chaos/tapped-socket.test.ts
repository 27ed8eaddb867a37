import { once } from 'node:events';
import { encodeFrame, ReceiptStatus, type RelayFrame } from '@causeway/protocol';
import { afterEach, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { Scope } from '../kit/scope.ts';
import { tappedWebSocket } from './tapped-socket.ts';

const scope = new Scope();
afterEach(() => scope.end());

it('sees each refusal for now, and passes everything on', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  scope.keep({ stop: () => server.close() });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const statuses = [
    ReceiptStatus.delivered,
    ReceiptStatus.unavailable,
    ReceiptStatus.offline,
    ReceiptStatus.overloaded,
  ];
  const frame: RelayFrame = { type: 'receipt', receipts: statuses.map((status, index) => ({ id: index + 1, status })) };
  server.on('connection', (socket) => {
    socket.send(encodeFrame({ type: 'ping', data: new Uint8Array(8) }));
    socket.send(encodeFrame(frame));
    socket.send('no frame');
    socket.close();
  });

  let refusals = 0;
  const WebSocket = tappedWebSocket(() => {
    refusals += 1;
  });
  const socket = scope.keep(new WebSocket(`ws://127.0.0.1:${port}`, []));
  socket.binaryType = 'arraybuffer';
  let messages = 0;
  socket.on('message', () => {
    messages += 1;
  });
  await once(socket, 'close');
  expect({ refusals, messages }).toEqual({ refusals: 2, messages: 3 });
});
