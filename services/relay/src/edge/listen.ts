import { type TemplatedApp, type us_listen_socket, us_listen_socket_close, us_socket_local_port } from 'uWebSockets.js';
import { createServer } from 'node:net';
import { listenOn, PortInUse } from '@causeway/service-kit';

/**
 * LIBUS_LISTEN_EXCLUSIVE_PORT, which the type declarations lack. Without it several processes listen on one port and
 * the kernel spreads connections over them.
 */
const EXCLUSIVE = 1;
const SHARED = 0;

/** What the type declarations leave out. */
interface App extends TemplatedApp {
  listen(host: string, port: number, callback: (socket: us_listen_socket | false) => void): this;
  listen(port: number, callback: (socket: us_listen_socket | false) => void): this;
  listen(port: number, options: number, callback: (socket: us_listen_socket | false) => void): this;
  listen(host: string, port: number, options: number, callback: (socket: us_listen_socket | false) => void): this;
}

export interface Listener {
  /** The actual port, where port 0 was asked for. */
  readonly port: number;
  close(): void;
}

/**
 * Listens; `shared` lets several processes listen on one port (SO_REUSEPORT).
 * @throws PortInUse, CannotListen
 */
export async function listen(app: TemplatedApp, host: string, port: number, shared = false): Promise<Listener> {
  const socket = await new Promise<us_listen_socket | false>((resolve) => {
    (app as App).listen(host, port, shared ? SHARED : EXCLUSIVE, resolve);
  });
  if (socket === false) throw await reasonFor(host, port);
  return { port: us_socket_local_port(socket), close: () => us_listen_socket_close(socket) };
}

/** uWebSockets.js says only that it failed; the platform's own server tells why. */
async function reasonFor(host: string, port: number): Promise<unknown> {
  const probe = createServer();
  try {
    await listenOn(probe, host, port);
  } catch (error) {
    return error;
  }
  probe.close();
  // Whoever had the port has just left it.
  return new PortInUse(host, port);
}
