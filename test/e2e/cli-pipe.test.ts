import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Relay, startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { Causeway, noise, temporaryFolder } from './cli-kit.ts';
import type { RunOptions } from './run.ts';

const MIB = 1024 * 1024;
const OPEN = { stdin: { open: true } } as const;
const CODE = /^(\d+(?:-[a-z]+)+)$/m;

let relay: Relay;
let causeway: Causeway;
const scope = new Scope();

beforeAll(async () => {
  relay = await startRelay();
});
afterAll(() => relay.stop());
beforeEach(() => {
  causeway = scope.keep(new Causeway(relay.url));
});
afterEach(() => scope.end());

async function pair(first: RunOptions = OPEN, second: RunOptions = OPEN) {
  const one = causeway.start(['pipe'], first);
  const [, code = ''] = await one.stderrMatches(CODE);
  return { one, other: causeway.start(['pipe', code], second), code };
}

describe('causeway pipe', () => {
  it('carries both directions, and the end of each by itself', async () => {
    const { one, other } = await pair();
    one.stdin.write('ping\n');
    await other.stdoutShows(/ping/);
    one.stdin.end('last\n');
    await other.stdoutShows(/last/);
    other.stdin.write('pong\n');
    await one.stdoutShows(/pong/);
    other.stdin.end('end\n');
    expect(await one.result).toMatchObject({ code: 0, stdout: 'pong\nend\n' });
    expect(await other.result).toMatchObject({ code: 0, stdout: 'ping\nlast\n' });
  });

  it('tells the reader of its output of the end, while its own input goes on', async () => {
    const one = causeway.start(['pipe'], OPEN);
    const [, code = ''] = await one.stderrMatches(CODE);
    const other = causeway.script('"$@" | { cat; echo "and that was all" >&2; }', ['pipe', code], OPEN);
    one.stdin.end('hello');
    await other.stderrShows('and that was all');
    other.stdin.end('bye');
    expect(await one.result).toMatchObject({ code: 0, stdout: 'bye' });
    expect(await other.result).toMatchObject({ code: 0, stdout: 'hello' });
  });

  it('carries bytes as they are', async () => {
    const folder = scope.keep(temporaryFolder()).path;
    const one = causeway.start(['pipe'], { stdin: noise(5 * MIB) });
    const [, code = ''] = await one.stderrMatches(CODE);
    const out = join(folder, 'out');
    expect(await causeway.script(`"$@" < /dev/null > ${out}`, ['pipe', code]).result).toMatchObject({ code: 0 });
    expect(await one.result).toMatchObject({ code: 0, stdout: '' });
    expect(readFileSync(out).equals(noise(5 * MIB))).toBe(true);
  });

  it('ends at both ends by Ctrl-C', async () => {
    const { one, other } = await pair();
    await Promise.all([one.stderrShows('connected to'), other.stderrShows('connected to')]);
    one.stdin.write('ping\n');
    await other.stdoutShows(/ping/);
    one.kill('SIGINT');
    expect(await one.result).toMatchObject({ code: 130 });
    expect(await other.result).toMatchObject({ code: 1, stderr: expect.stringMatching(/cancelled\n$/) });
  });

  it('ends when the output is read no more', async () => {
    const one = causeway.start(['pipe'], { stdin: noise(5 * MIB) });
    const [, code = ''] = await one.stderrMatches(CODE);
    const other = causeway.script('set -o pipefail; "$@" | head -c 10', ['pipe', code], OPEN);
    expect(await other.result).toMatchObject({ code: 74, stderr: expect.stringContaining('could not be written') });
    expect(await one.result).toMatchObject({ code: 1 });
  });

  it('is no file transfer', async () => {
    const { sender, code } = await causeway.send(['/etc/hostname']);
    const pipe = await causeway.run(['pipe', code]);
    expect([pipe.code, pipe.stderr]).toEqual([1, expect.stringContaining('`causeway send-file`')]);
    expect(await sender.result).toMatchObject({ code: 1, stderr: expect.stringContaining('`causeway pipe`') });
  });

  it('shows a program its code as a record', async () => {
    const one = causeway.start(['pipe', '--json'], { stdin: 'x' });
    const [line] = await one.stderrMatches(/^\{.*"code".*$/m);
    const { code } = JSON.parse(line) as { code: string };
    expect(await causeway.run(['pipe', '--json', code])).toMatchObject({ code: 0, stdout: 'x' });
    expect(await one.result).toMatchObject({ code: 0 });
  });
});
