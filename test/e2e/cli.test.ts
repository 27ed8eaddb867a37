import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../kit/ports.ts';
import { type Relay, startRelay } from '../kit/relay.ts';
import { waitFor } from '../kit/wait.ts';
import { type Run, type Running, type RunOptions, run, start } from './run.ts';

const MAIN = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));

let relay: Relay;

beforeAll(async () => {
  relay = await startRelay();
});

afterAll(async () => {
  await relay.stop();
});

function withUrl({ env, ...options }: RunOptions): RunOptions {
  return { ...options, env: { CAUSEWAY_URL: relay.url, ...env } };
}

const causeway = (args: readonly string[], options: RunOptions = {}): Promise<Run> =>
  run(process.execPath, [MAIN, ...args], withUrl(options));

const startCauseway = (args: readonly string[], options: RunOptions = {}): Running =>
  start(process.execPath, [MAIN, ...args], withUrl(options));

describe('causeway send and listen', () => {
  it('deliver to a listener, which ends after --count messages', async () => {
    const listener = startCauseway(['listen', '--as', 'bob', '--count', '1']);
    await listener.stderrShows('listening as bob');
    expect(await causeway(['send', '--as', 'alice', 'bob', 'hello there'])).toMatchObject({
      code: 0,
      stdout: 'delivered\n',
    });
    expect(await listener.result).toMatchObject({ code: 0, stdout: 'alice: hello there\n' });
  });

  it('take the message from stdin, and print what is no plain text as base64', async () => {
    const bytes = Uint8Array.of(0x1b, 0x5b, 0x32, 0x4a);
    expect(await causeway(['send', '--as', 'alice', 'carol'], { stdin: bytes })).toMatchObject({ stdout: 'queued\n' });
    const plain = await causeway(['send', '--as', 'alice', '--json', 'carol', 'text']);
    expect(JSON.parse(plain.stdout)).toMatchObject({
      to: 'carol',
      status: 'queued',
      id: expect.stringMatching(/^\d+$/),
    });
    const { stdout } = await causeway(['listen', '--as', 'carol', '--count', '2', '--json']);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toEqual([
      { from: 'alice', id: expect.stringMatching(/^\d+$/), stored: true, base64: 'G1sySg==' },
      { from: 'alice', id: expect.stringMatching(/^\d+$/), stored: true, text: 'text' },
    ]);
  });

  it('end by Ctrl-C with 130', async () => {
    const listener = startCauseway(['listen', '--as', 'dora']);
    await listener.stderrShows('listening as dora');
    listener.kill('SIGINT');
    expect(await listener.result).toMatchObject({ code: 130, stdout: '' });
  });

  it('say when another connection takes the peer', async () => {
    const first = startCauseway(['listen', '--as', 'erin']);
    await first.stderrShows('listening as erin');
    const second = startCauseway(['listen', '--as', 'erin']);
    expect(await first.result).toMatchObject({ code: 77, stderr: expect.stringContaining('closed the connection') });
    second.kill('SIGINT');
    await second.result.catch(() => undefined);
  });
});

describe('exit codes of causeway send', () => {
  it('1: refused for good', async () => {
    const { code, stderr } = await causeway(['send', '--as', 'alice', '--no-store', 'nobody', 'x']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('not connected')]);
  });

  it.each([
    ['no recipient', ['send']],
    ['an unknown option', ['send', '--frobnicate', 'bob', 'x']],
    ['a bad peer id', ['send', '--as', '', 'bob', 'x']],
    ['a bad URL', ['send', '--url', 'ftp://relay', 'bob', 'x']],
    ['a bad timeout', ['send', '--timeout', 'soon', 'bob', 'x']],
    ['a timeout without end', ['send', '--timeout', 'Infinity', 'bob', 'x']],
    ['no command', []],
  ])('2: %s', async (_, args) => {
    const { code, stderr } = await causeway(args);
    expect(code).toBe(2);
    expect(stderr).not.toBe('');
  });

  it('2: nothing to send', async () => {
    expect(await causeway(['send', '--as', 'alice', 'bob'], { stdin: '' })).toMatchObject({ code: 2 });
  });

  it.each([
    ['is full', '"$@" > /dev/full', 'ENOSPC'],
    ['is read no more', 'set -o pipefail; "$@" | true', 'EPIPE'],
  ])('74: the output %s, and the message stays with the relay', async (_, script, reason) => {
    await causeway(['send', '--as', 'alice', 'gina', 'hello']);
    const listen = ['listen', '--as', 'gina', '--count', '1'];
    const failed = await run('bash', ['-c', script, 'bash', process.execPath, MAIN, ...listen], withUrl({}));
    expect([failed.code, failed.stderr]).toEqual([74, expect.stringMatching(`not be written: .*${reason}`)]);
    expect(failed.stderr).not.toContain('    at ');
    expect(await causeway(listen)).toMatchObject({ code: 0, stdout: 'alice: hello\n' });
  });

  it('69: no relay', async () => {
    const [port] = await freePorts(1);
    const { code, stderr } = await causeway(['send', '--url', `ws://127.0.0.1:${port}`, 'bob', 'x']);
    expect([code, stderr]).toEqual([69, expect.stringContaining(`ws://127.0.0.1:${port}/v1`)]);
  });
});

describe('causeway peers', () => {
  it('tells who is online, and by its exit code whether all are', async () => {
    const listener = startCauseway(['listen', '--as', 'frank']);
    await listener.stderrShows('listening as frank');
    expect(await causeway(['peers', 'frank'])).toMatchObject({ code: 0, stdout: 'frank online\n' });
    const both = await causeway(['peers', '--json', 'frank', 'nobody']);
    expect(both.code).toBe(1);
    const states = both.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { peer: string; online: boolean });
    expect(Object.fromEntries(states.map(({ peer, online }) => [peer, online]))).toEqual({
      frank: true,
      nobody: false,
    });
    listener.kill('SIGINT');
    await listener.result;
  });
});

describe('causeway start', () => {
  it('runs a relay until it is told to end, and hides CAUSEWAY_URL from it', async () => {
    const [port, adminPort] = await freePorts(2);
    const starting = startCauseway(['start', '--port', String(port)], {
      env: { CAUSEWAY_HOST: '127.0.0.1', CAUSEWAY_ADMIN_PORT: String(adminPort) },
    });
    const url = `ws://127.0.0.1:${port}`;
    const isReady = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${adminPort}/health/ready`)).ok;
    await waitFor(() => isReady().catch(() => false), { what: 'the relay is ready', timeoutMs: 60_000 });
    const sent = causeway(['listen', '--as', 'bob', '--count', '1', '--url', url]);
    const { code, stderr } = await causeway(['send', '--as', 'alice', '--url', url, '--timeout', '60', 'bob', 'x']);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect((await sent).stdout).toBe('alice: x\n');
    starting.kill('SIGTERM');
    expect(await starting.result).toMatchObject({ code: 0 });
  });
});

describe('causeway --help', () => {
  it.each([
    [[]],
    ...['start', 'listen', 'send', 'peers', 'send-file', 'receive', 'pipe', 'forward'].map((name) => [[name]]),
  ])('%j has examples', async (command) => {
    const { code, stdout } = await causeway([...command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('Examples:\n  causeway ');
  });
});
