import type { HttpRequest, HttpResponse, us_socket_context_t } from 'uWebSockets.js';
import { SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON } from '@causeway/protocol';
import type { SocketData } from './connection.ts';
import type { Answer } from './http.ts';

const NO_SUBPROTOCOL = `offer the subprotocol ${SUBPROTOCOL_BINARY} or ${SUBPROTOCOL_JSON}`;

/** The first subprotocol in the client's offer that is ours; null for none. */
export function chooseSubprotocol(offer: string): typeof SUBPROTOCOL_BINARY | typeof SUBPROTOCOL_JSON | null {
  for (const part of offer.split(',')) {
    const name = part.trim();
    if (name === SUBPROTOCOL_BINARY || name === SUBPROTOCOL_JSON) return name;
  }
  return null;
}

/** Upgrades the request of the client at `address`, or answers 400 for want of a subprotocol. */
export function upgrade(
  response: HttpResponse,
  request: HttpRequest,
  context: us_socket_context_t,
  address: string,
  answer: Answer,
): void {
  const subprotocol = chooseSubprotocol(request.getHeader('sec-websocket-protocol'));
  if (subprotocol === null) {
    answer(response, '400 Bad Request', { error: NO_SUBPROTOCOL });
    return;
  }
  const key = request.getHeader('sec-websocket-key');
  const data: SocketData = { json: subprotocol === SUBPROTOCOL_JSON, address, connection: null };
  response.upgrade<SocketData>(data, key, subprotocol, request.getHeader('sec-websocket-extensions'), context);
}
