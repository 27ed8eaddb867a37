import type { HttpRequest, HttpResponse, us_socket_context_t } from 'uWebSockets.js';
import { SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON } from '@causeway/protocol';
import type { SocketData } from './connection.ts';
import { respond } from './http.ts';

const NO_SUBPROTOCOL = `offer the subprotocol ${SUBPROTOCOL_BINARY} or ${SUBPROTOCOL_JSON}`;
const MAPPED_IPV4 = /^0000:0000:0000:0000:0000:ffff:([0-9a-f]{2})([0-9a-f]{2}):([0-9a-f]{2})([0-9a-f]{2})$/;

/** The first subprotocol in the client's offer that is ours; null for none. */
export function chooseSubprotocol(offer: string): typeof SUBPROTOCOL_BINARY | typeof SUBPROTOCOL_JSON | null {
  for (const part of offer.split(',')) {
    const name = part.trim();
    if (name === SUBPROTOCOL_BINARY || name === SUBPROTOCOL_JSON) return name;
  }
  return null;
}

/** Upgrades the request, or answers 400 for want of a subprotocol. */
export function upgrade(response: HttpResponse, request: HttpRequest, context: us_socket_context_t): void {
  const subprotocol = chooseSubprotocol(request.getHeader('sec-websocket-protocol'));
  if (subprotocol === null) {
    respond(response, '400 Bad Request', { error: NO_SUBPROTOCOL });
    return;
  }
  const key = request.getHeader('sec-websocket-key');
  const data: SocketData = { json: subprotocol === SUBPROTOCOL_JSON, connection: null };
  response.upgrade<SocketData>(data, key, subprotocol, request.getHeader('sec-websocket-extensions'), context);
}

/** IPv4 in dots also where the socket listens on IPv6, so that an address has one form. */
export function addressText(raw: ArrayBuffer): string {
  const text = Buffer.from(raw).toString('latin1');
  const octets = MAPPED_IPV4.exec(text);
  return octets === null
    ? text
    : octets
        .slice(1)
        .map((octet) => Number.parseInt(octet, 16))
        .join('.');
}
