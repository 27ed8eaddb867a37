import { createServer, type Server } from 'node:net';

/**
 * Below the range from which Linux takes ports for outgoing connections (32768..60999), so that no connection of ours
 * sits on a port between its choice and its use.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 29_999;
const BLOCK = 50;
const BLOCKS = Math.floor((LAST_PORT - FIRST_PORT + 1) / BLOCK);

/**
 * A process owns whole blocks of ports: it holds the first port of a block open for as long as it lives, which keeps
 * every other process that uses this module out of the block, and cannot outlive the process as a lock file would.
 */
let nextPort = 0;
let blockEnd = 0;
let claiming: Promise<void> = Promise.resolve();

function listen(port: number): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(null);
      else reject(error);
    });
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(server.unref()));
  });
}

/** Whether a server could listen there now. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server === null) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

async function claimBlock(): Promise<void> {
  const first = process.pid % BLOCKS;
  for (let tried = 0; tried < BLOCKS; tried++) {
    const start = FIRST_PORT + ((first + tried) % BLOCKS) * BLOCK;
    if ((await listen(start)) === null) continue;
    nextPort = start + 1;
    blockEnd = start + BLOCK;
    return;
  }
  throw new Error(`all blocks of ports from ${FIRST_PORT} to ${LAST_PORT} are taken`);
}

async function takePort(): Promise<number> {
  for (;;) {
    if (nextPort === blockEnd) await claimBlock();
    const port = nextPort++;
    if (await isPortFree(port)) return port;
  }
}

/** `count` ports of 127.0.0.1 on which nothing listens and which no other call gets, in this process or another. */
export function freePorts(count: number): Promise<number[]> {
  const ports = claiming.then(async () => {
    const taken: number[] = [];
    while (taken.length < count) taken.push(await takePort());
    return taken;
  });
  claiming = ports.then(
    () => undefined,
    () => undefined,
  );
  return ports;
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}
