/** A relay that speaks TLS itself, and takes up new certificates while it is used. */
import { once } from 'node:events';
import { request } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { ExitCode } from '@causeway/service-kit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../e2e/run.ts';
import { Authority, NO_OPENSSL, type ServedFiles } from '../../kit/authority.ts';
import { complaints } from '../../kit/observe.ts';
import { joinPeer, type RawPeer } from '../../kit/peer.ts';
import { type LogRecord, type Relay, runRelay, startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { deferred, waitFor } from '../../kit/wait.ts';

const CLI = fileURLToPath(new URL('../../../packages/cli/src/main.ts', import.meta.url));
const DAY_MS = 86_400_000;
const RELOADS = 'causeway_tls_certificate_reloads_total';
const NOT_AFTER = 'causeway_tls_certificate_not_after_seconds';

function env({ certFile, keyFile }: { certFile: string; keyFile: string }) {
  return { CAUSEWAY_TLS_CERT_FILE: certFile, CAUSEWAY_TLS_KEY_FILE: keyFile };
}

describe.skipIf(NO_OPENSSL)(`TLS${NO_OPENSSL === null ? '' : `: ${NO_OPENSSL}`}`, () => {
  const scope = new Scope();
  let authority: Authority;
  let named = 0;
  beforeAll(() => {
    authority = new Authority();
  });
  afterEach(() => scope.end());
  afterAll(() => authority.stop());

  function serve(name: string, days?: number): ServedFiles {
    named += 1;
    return authority.files(`served-${named}`, authority.issue(name, days));
  }

  async function startTls(files: ServedFiles): Promise<Relay & { readonly secureUrl: string }> {
    const relay = scope.keep(await startRelay({ env: env(files) }));
    return { ...relay, secureUrl: `wss://127.0.0.1:${relay.port}` };
  }

  async function handshake({ port }: Relay, options: object = {}): Promise<TLSSocket> {
    const socket = connect({ port, host: '127.0.0.1', ca: authority.ca, ...options });
    await once(socket, 'secureConnect');
    return socket;
  }

  /** The name in the certificate that a new connection is shown. */
  async function shown(relay: Relay): Promise<string> {
    const socket = await handshake(relay);
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return String(CN);
  }

  function record(relay: Relay, predicate: (record: LogRecord) => boolean): Promise<LogRecord> {
    const { promise, resolve } = deferred<LogRecord>();
    const end = relay.onRecord((found) => {
      if (predicate(found)) resolve(found);
    });
    return promise.finally(end);
  }

  test('HTTP and WebSockets, TLS 1.2 and 1.3, and says where it listens', async () => {
    const relay = await startTls(serve('first'));
    expect(relay.listening.url).toBe(relay.secureUrl);
    const options = { port: relay.port, host: '127.0.0.1', path: '/health', ca: authority.ca };
    const [response] = await once(request(options).end(), 'response');
    expect([response.statusCode, await new Response(response).json()]).toEqual([200, { status: 'ok' }]);
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await handshake(relay, { minVersion: version, maxVersion: version });
      expect(socket.getProtocol()).toBe(version);
      socket.destroy();
    }
    const [alice, bob] = await Promise.all(
      ['alice', 'bob'].map((peer) => joinPeer({ url: relay.secureUrl, ca: authority.ca, autoAck: true }, { peer })),
    );
    scope.keep(alice as RawPeer).message('bob', 'hello');
    expect(Buffer.from((await scope.keep(bob as RawPeer).next('deliver')).payload).toString()).toBe('hello');
    const metrics = await relay.metrics();
    expect(metrics.value(NOT_AFTER) * 1000 - Date.now()).toBeGreaterThan(29 * DAY_MS);
  });

  test('the command line trusts the authority that NODE_EXTRA_CA_CERTS names, and no other', async () => {
    const relay = await startTls(serve('first'));
    const send = [CLI, 'send', '--as', 'alice', 'carol', 'hello', '--url', relay.secureUrl];
    const trusting = await run(process.execPath, send, { env: { NODE_EXTRA_CA_CERTS: authority.caFile } });
    expect(trusting).toMatchObject({ code: 0, stdout: 'queued\n' });
    const another = scope.keep(new Authority());
    const wary = await run(process.execPath, [...send, '--timeout', '3'], {
      env: { NODE_EXTRA_CA_CERTS: another.caFile },
    });
    expect([wary.code === 0, wary.stdout]).toEqual([false, '']);
    expect((await relay.metrics()).value('causeway_connections_opened_total')).toBe(1);
  });

  test('a change under load: no connection fails, no message is lost, later ones see the new certificate', async () => {
    const files = serve('first');
    const relay = await startTls(files);
    const peers = await Promise.all(
      ['alice', 'bob'].map((peer) => joinPeer({ url: relay.secureUrl, ca: authority.ca, autoAck: true }, { peer })),
    );
    const [alice, bob] = peers.map((peer) => scope.keep(peer)) as [RawPeer, RawPeer];
    const names: string[] = [];
    let going = true;
    const newcomers = Array.from({ length: 8 }, async () => {
      while (going) names.push(await shown(relay));
    });
    let sent = 0;
    const traffic = (async () => {
      while (going) {
        alice.message('bob', String(sent));
        sent += 1;
        await alice.next('receipt');
      }
    })();
    for (const name of ['second', 'third']) {
      const before = names.length;
      await waitFor(() => names.length > before + 50, { what: 'connections came and went' });
      files.swap(authority.issue(name));
      await waitFor(() => names.at(-1) === name, { what: `the certificate of ${name} is shown` });
    }
    const after = names.length;
    await waitFor(() => names.length > after + 50, { what: 'connections came and went' });
    going = false;
    await Promise.all([...newcomers, traffic]);
    // Those that were under way at the change may have ended after it.
    expect(new Set(names.slice(after + newcomers.length))).toEqual(new Set(['third']));
    expect([...new Set(names)]).toEqual(['first', 'second', 'third']);
    const texts = bob.take('deliver').map(({ payload }) => Buffer.from(payload).toString());
    expect(texts).toEqual(Array.from({ length: sent }, (_, index) => String(index)));
    const metrics = await relay.metrics();
    expect([metrics.value(RELOADS, { result: 'ok' }), metrics.value(RELOADS, { result: 'failed' })]).toEqual([2, 0]);
    expect(metrics.value('causeway_connections')).toBe(2);
    expect(complaints(relay)).toEqual([]);
    const second = await runRelay({ env: { ...relay.env, CAUSEWAY_ADMIN_PORT: '0' } });
    expect([second.code, second.output]).toEqual([ExitCode.portInUse, expect.stringContaining(`port ${relay.port} `)]);
  });

  test('a pair that does not fit is told once, and the old one stays until a good one comes', async () => {
    const files = serve('first');
    const relay = await startTls(files);
    const told = record(relay, ({ event }) => event === 'certificate_refused');
    const good = authority.issue('second');
    files.swap({ cert: good.cert, key: authority.issue('another').key });
    expect((await told).reason).toContain('is not that of the certificate');
    expect(await shown(relay)).toBe('first');
    expect((await relay.metrics()).value(RELOADS, { result: 'failed' })).toBe(1);
    files.swap(good);
    await waitFor(async () => (await shown(relay)) === 'second', { what: 'the good pair is in force' });
    expect((await relay.metrics()).value(RELOADS, { result: 'failed' })).toBe(1);
  });

  test('SIGHUP has the files read at once, changed or not', async () => {
    const files = serve('first');
    const relay = await startTls(files);
    const taken = record(relay, ({ event, reloaded }) => event === 'certificate' && reloaded === true);
    relay.kill('SIGHUP');
    expect((await taken).subject).toBe('CN=first');
    const refused = record(relay, ({ event }) => event === 'certificate_refused');
    files.swap({ cert: 'nothing', key: 'nothing' });
    relay.kill('SIGHUP');
    expect((await refused).reason).toContain('holds no certificate');
    expect(await shown(relay)).toBe('first');
  });

  test('a certificate that has expired is served, with a warning', async () => {
    const relay = await startTls(serve('old', -1));
    expect(relay.logs).toContainEqual(expect.objectContaining({ level: 'warn', event: 'certificate' }));
    expect((await relay.metrics()).value(NOT_AFTER) * 1000).toBeLessThan(Date.now());
  });

  test('files that cannot be used are problems of the configuration', async () => {
    const files = serve('first');
    const other = serve('other');
    const wrong = await runRelay({ env: env({ certFile: files.certFile, keyFile: other.keyFile }) });
    expect(wrong.code).toBe(ExitCode.badConfig);
    expect(wrong.output).toMatch(/CAUSEWAY_TLS_KEY_FILE: .* is not that of the certificate/);
    const missing = await runRelay({ env: env({ certFile: '/nowhere', keyFile: files.keyFile }) });
    expect(missing.code).toBe(ExitCode.badConfig);
    expect(missing.output).toContain('CAUSEWAY_TLS_CERT_FILE: ENOENT');
  });
});
