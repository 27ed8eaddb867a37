import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { encodeFrame } from '@causeway/protocol';
import { PortInUse } from '@causeway/service-kit';
import { describe, expect, test } from 'vitest';
import { createServer, type EdgeOptions } from '../../../services/relay/src/edge/server.ts';
import { Client, start } from './start.ts';
import { get, tlsOptions, transport } from './transport.ts';

describe('listening', () => {
  const ELSEWHERE = `
    import { createServer } from ${JSON.stringify(new URL('../../../services/relay/src/edge/server.ts', import.meta.url).href)};
    const files = JSON.parse(process.argv[3]);
    const edge = createServer({
      host: '127.0.0.1', port: Number(process.argv[1]), sharedPort: Number(process.argv[2]) || null,
      maxConnections: 1, heartbeatMs: 1000, deliveryWindowBytes: 1024, identity: {}, health: async () => ({ ready: true }),
      origins: [], trustedProxies: [], proxyProtocol: false,
      tls: files === null ? null : { files, loaded() {}, failed() {} },
    });
    edge.listen().then(
      () => console.log('listening', edge.sharedPort),
      (error) => { console.log(error.name, error.port); },
    );
    process.stdin.on('end', () => process.exit(0)).resume();
  `;

  const ANY = { sharedPort: null, tls: tlsOptions(), origins: [], trustedProxies: [] } as unknown as EdgeOptions;

  async function elsewhere(port: number, sharedPort: number): Promise<{ line: string; stop(): Promise<void> }> {
    const files = JSON.stringify(transport.tls?.files ?? null);
    const child = spawn(process.execPath, ['--input-type=module', '-e', ELSEWHERE, `${port}`, `${sharedPort}`, files], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [line] = await once(child.stdout, 'data');
    const stop = async () => {
      const exited = once(child, 'exit');
      child.stdin.end();
      await exited;
    };
    return { line: String(line).trim(), stop };
  }

  async function freePort(): Promise<number> {
    const { edge } = await start();
    const { port } = edge;
    edge.closeAll();
    return port;
  }

  test('a port in use is an error, in one process and across two', async () => {
    // A port that is asked for by its number: one that the system chose is exclusive in any case.
    const port = await freePort();
    const { edge } = await start(undefined, { port });
    expect(edge.port).toBe(port);
    const second = createServer({ ...ANY, host: '127.0.0.1', port });
    const error = await second.listen().catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(PortInUse);
    expect((error as PortInUse).port).toBe(port);
    const other = await elsewhere(port, 0);
    expect(other.line).toBe(`PortInUse ${port}`);
    await other.stop();
  });

  test('a host of another machine is told apart from a port in use', async () => {
    const edge = createServer({ ...ANY, host: '192.0.2.1', port: 7070 });
    await expect(edge.listen()).rejects.toMatchObject({ name: 'CannotListen' });
  });

  test('two processes share the shared port, each with a port of its own', async () => {
    const sharedPort = await freePort();
    const { edge } = await start(undefined, { sharedPort });
    const other = await elsewhere(0, sharedPort);
    expect(other.line).toBe(`listening ${sharedPort}`);
    expect(edge.sharedPort).toBe(sharedPort);
    await other.stop();
    expect((await get(`127.0.0.1:${sharedPort}`, '/health')).status).toBe(200);
  });

  test('after stopListening open connections go on and new ones are refused', async () => {
    const { edge, url } = await start((connection, frame) => {
      if (frame.type === 'ping') connection.send({ type: 'pong', data: frame.data });
    });
    const client = await new Client(url).opened();
    edge.stopListening();
    const late = new Client(url);
    const [error] = await once(late.socket, 'error');
    expect(error.code).toBe('ECONNREFUSED');
    client.socket.send(encodeFrame({ type: 'ping', data: new Uint8Array(8) }));
    await client.next(1);
    expect(client.frames).toEqual([{ type: 'pong', data: new Uint8Array(8) }]);
  });
});
