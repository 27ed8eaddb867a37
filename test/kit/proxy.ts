import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from './ports.ts';
import { type Lane, startLane } from './proxy-lane.ts';
import type { Rng } from './rng.ts';

/** Towards the server, or back to the client. */
export type Direction = 'requests' | 'replies';

export interface CutOptions {
  /** Of each chunk of reply bytes, in 0..1; 0 ends the cutting. */
  readonly probability: number;
  readonly rng: Rng;
  /** Cuts after which it ends by itself; without it there is no end. */
  readonly times?: number;
}

export interface ProxyCounters {
  /** Accepted since the start. */
  connections: number;
  /** Connections ended by cutReplies. */
  cuts: number;
  /** Bytes passed on, by direction. */
  requestBytes: number;
  replyBytes: number;
}

/** A TCP proxy in this process, to break what runs through it. */
export interface TcpProxy {
  readonly host: string;
  readonly port: number;
  readonly counters: Readonly<ProxyCounters>;
  /** Open client connections. */
  openConnections(): number;
  /**
   * The reply is lost between execution and answer: a chunk from the server is dropped, and both sides of its
   * connection are reset at that moment.
   */
  cutReplies(options: CutOptions): void;
  /** Each chunk, in either direction, is passed on that much later, in order; 0 ends it. */
  delay(milliseconds: number): void;
  /**
   * A black hole, for connections there are and those to come: bytes, ends and resets of the direction (of both where
   * none is named) stay where they are. Connecting still succeeds.
   */
  pause(direction?: Direction): void;
  /** Lets what was held go on, nothing lost. */
  resume(direction?: Direction): void;
  /** Resets every connection; new ones are accepted. */
  cutAll(): void;
  stop(): Promise<void>;
}

export interface ProxyOptions {
  readonly target: { readonly host?: string; readonly port: number };
  /** One of its own by default. */
  readonly port?: number;
}

interface Link {
  readonly lanes: Record<Direction, Lane>;
  cut(): void;
}

export async function startProxy({ target, port }: ProxyOptions): Promise<TcpProxy> {
  const counters: ProxyCounters = { connections: 0, cuts: 0, requestBytes: 0, replyBytes: 0 };
  const links = new Set<Link>();
  const paused: Record<Direction, boolean> = { requests: false, replies: false };
  let delayMs = 0;
  let cutting: (CutOptions & { left: number }) | null = null;

  function isCut(): boolean {
    if (cutting === null || !cutting.rng.chance(cutting.probability)) return false;
    counters.cuts++;
    cutting.left--;
    if (cutting.left === 0) cutting = null;
    return true;
  }

  function accept(client: Socket): void {
    counters.connections++;
    const server = connect({ host: target.host ?? '127.0.0.1', port: target.port, allowHalfOpen: true });
    const settings = (direction: Direction) => ({ delayMs: () => delayMs, paused: paused[direction] });
    const requests = startLane(client, server, settings('requests'), (bytes) => {
      counters.requestBytes += bytes.length;
      return true;
    });
    const replies = startLane(server, client, settings('replies'), (bytes) => {
      if (isCut()) {
        link.cut();
        return false;
      }
      counters.replyBytes += bytes.length;
      return true;
    });
    const link: Link = {
      lanes: { requests, replies },
      cut() {
        links.delete(link);
        for (const socket of [client, server]) socket.resetAndDestroy();
      },
    };
    links.add(link);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      // An error is followed by 'close', and that ends both sides.
      socket.on('error', () => undefined);
      socket.once('close', (hadError) => {
        if (hadError) link.cut();
        if (client.destroyed && server.destroyed) links.delete(link);
      });
    }
  }

  function setPaused(value: boolean, direction?: Direction): void {
    for (const each of direction === undefined ? (['requests', 'replies'] as const) : [direction]) {
      paused[each] = value;
      for (const { lanes } of links) value ? lanes[each].pause() : lanes[each].resume();
    }
  }

  const server = createServer({ allowHalfOpen: true }, accept);
  server.listen(port ?? (await freePort()), '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as { port: number };

  const cutAll = (): void => {
    for (const link of links) link.cut();
  };
  return {
    host: '127.0.0.1',
    port: address.port,
    counters,
    openConnections: () => links.size,
    cutReplies(options) {
      cutting = options.probability > 0 ? { ...options, left: options.times ?? Number.POSITIVE_INFINITY } : null;
    },
    delay(milliseconds) {
      delayMs = milliseconds;
    },
    pause: (direction) => setPaused(true, direction),
    resume: (direction) => setPaused(false, direction),
    cutAll,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      cutAll();
      await closed;
    },
  };
}
