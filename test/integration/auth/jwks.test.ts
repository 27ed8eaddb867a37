import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { SignJWT } from 'jose';
import { afterEach, expect, it } from 'vitest';
import { createClient } from '../../../packages/client/src/index.ts';
import { freePorts } from '../../kit/ports.ts';
import { startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { seconds } from './fixture.ts';

const scope = new Scope();
afterEach(() => scope.end());

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

function sign(sub: string): Promise<string> {
  const header = { alg: 'RS256', kid: 'k1' };
  return new SignJWT({ sub, realm: 'default', exp: seconds() + 60 }).setProtectedHeader(header).sign(privateKey);
}

it('clients wait for the keys of a URL that is not there yet, and need it no more once they are in', async () => {
  const [port = 0] = await freePorts(1);
  const env = { CAUSEWAY_AUTH: 'token', CAUSEWAY_TOKEN_JWKS_URL: `http://127.0.0.1:${port}/jwks` };
  const relay = scope.keep(await startRelay({ env }));
  const failures: (number | null)[] = [];
  const quiet = (): void => undefined;
  const alice = scope.keep(
    createClient({
      url: relay.url,
      backoff: { minMs: 100, maxMs: 200 },
      token: () => sign('alice'),
      logger: {
        ...{ debug: quiet, info: quiet, error: quiet },
        warn: (_message, { closeCode } = {}) => void failures.push(closeCode as number | null),
      },
    }),
  );
  const failed = new Promise<void>((resolve) => alice.on('status', (status) => status === 'waiting' && resolve()));
  const started = alice.start();
  await failed;
  let asked = 0;
  const server = createServer((_request, response) => {
    asked += 1;
    response.end(JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig' }] }));
  }).listen(port, '127.0.0.1');
  scope.keep({ stop: () => server.close() });
  await once(server, 'listening');
  await started;
  expect(new Set(failures)).toEqual(new Set([4002]));

  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const bob = scope.keep(createClient({ url: relay.url, token: () => sign('bob') }));
  await bob.start();
  expect(asked).toBe(1);
});
