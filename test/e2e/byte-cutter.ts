import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Rng } from '../kit/rng.ts';

export interface ByteCutter {
  /** `ws://` URL of the cutter. */
  readonly url: string;
  /** Connections cut so far. */
  readonly cuts: number;
  /** From here on, connections are left alone. */
  heal(): void;
  stop(): Promise<void>;
}

/**
 * A TCP proxy that lets a random number of bytes through, both directions together, and then resets the connection: in
 * the middle of frames, of the upgrade, of anything. Each connection goes to any of the ports.
 */
export async function startByteCutter(ports: readonly number[], rng: Rng, meanBytes: number): Promise<ByteCutter> {
  let cuts = 0;
  let healed = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const relay = connect(rng.pick(ports), '127.0.0.1');
    let left = rng.int(2 * meanBytes);
    const reset = (): void => {
      for (const socket of [client, relay]) {
        sockets.delete(socket);
        socket.resetAndDestroy();
      }
    };
    const pass = (from: Socket, to: Socket): void => {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        if (healed || bytes.length < left) {
          left -= bytes.length;
          to.write(bytes);
          return;
        }
        // What was let through must leave before the reset, or it would take back what came before it.
        from.pause();
        cuts += 1;
        to.write(bytes.subarray(0, left), reset);
      });
      from.on('error', reset);
      from.on('close', reset);
    };
    pass(client, relay);
    pass(relay, client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return {
    url: `ws://127.0.0.1:${address.port}`,
    get cuts() {
      return cuts;
    },
    heal() {
      healed = true;
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
