import type { Server } from 'node:net';

/** Another process (or this one) listens there already. */
export class PortInUse extends Error {
  override readonly name = 'PortInUse';
  readonly port: number;

  constructor(host: string, port: number) {
    super(`port ${port} on ${host} is in use`);
    this.port = port;
  }
}

/** The address cannot be listened on for another reason, such as a host that is not of this machine. */
export class CannotListen extends Error {
  override readonly name = 'CannotListen';
}

/**
 * Listens with a server of Node's own.
 * @throws PortInUse, CannotListen
 */
export function listenOn(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const inUse = error.code === 'EADDRINUSE';
      reject(
        inUse ? new PortInUse(host, port) : new CannotListen(`cannot listen on ${host}:${port}: ${error.message}`),
      );
    };
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      resolve();
    });
  });
}
