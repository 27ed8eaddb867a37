import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Relay, startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { waitFor } from '../kit/wait.ts';
import { Causeway, contents, noise, records, temporaryFolder } from './cli-kit.ts';
import { run } from './run.ts';

const MIB = 1024 * 1024;
const PART = '.causeway.part';

let relay: Relay;
let causeway: Causeway;
let from: string;
let to: string;
const scope = new Scope();

beforeAll(async () => {
  relay = await startRelay();
});
afterAll(() => relay.stop());
beforeEach(() => {
  causeway = scope.keep(new Causeway(relay.url));
  const folder = scope.keep(temporaryFolder()).path;
  [from, to] = [join(folder, 'from'), join(folder, 'to')];
  mkdirSync(from);
  mkdirSync(to);
});
afterEach(() => scope.end());

function file(name: string, content: string | Uint8Array): string {
  const path = join(from, name);
  writeFileSync(path, content);
  return path;
}

describe('causeway send-file and receive', () => {
  it('bring files and folders to another machine by a code', async () => {
    mkdirSync(join(from, 'photos/empty'), { recursive: true });
    file('photos/a.jpg', noise(300_000));
    file('photos/run.sh', 'true');
    chmodSync(join(from, 'photos/run.sh'), 0o755);
    file('grüße.txt', 'hello');
    file('nothing', '');
    const paths = ['photos', 'grüße.txt', 'nothing'].map((name) => join(from, name));
    const { sender, code } = await causeway.send(paths);
    expect(code).toMatch(/^\d{4,}(-[a-z]+){3}$/);
    const receiver = await causeway.run(['receive', '--yes', '--to', to, code]);
    expect([receiver.code, receiver.stdout]).toEqual([0, '']);
    expect(receiver.stderr).toContain('causeway: done: 4 files, 300 KB\n');
    const sent = await sender.result;
    expect([sent.code, sent.stdout]).toEqual([0, `${code}\n`]);
    expect(sent.stderr).toContain('causeway: sent photos/a.jpg, 300 KB\n');
    expect(contents(to)).toEqual(contents(from));
    expect(Object.keys(contents(to))).toContain('photos/run.sh*');
  });

  it('tell programs by records', async () => {
    const { sender, code } = await causeway.send(['--json', file('a', noise(2 * MIB))]);
    const received = await causeway.run(['receive', '--json', '--yes', '--to', to, code]);
    const progress = { type: 'progress', bytes: expect.any(Number), total: 2 * MIB };
    const both = [progress, { type: 'file', path: 'a', bytes: 2 * MIB }, { type: 'done', files: 1, bytes: 2 * MIB }];
    expect(dropMiddle(records(received.stdout))).toMatchObject(both);
    const sent = dropMiddle(records((await sender.result).stdout));
    expect(sent).toMatchObject([{ type: 'code', code, expiresAt: expect.any(String) }, ...both]);
    expect(sent.at(-1)).toMatchObject({ sent: 2 * MIB });
  });

  it('carry stdin to stdout', async () => {
    const { sender, code } = await causeway.send(['-'], { stdin: noise(3 * MIB) });
    const receive = ['receive', '--yes', '--to', '-', code];
    const out = join(to, 'out');
    expect(await causeway.script(`"$@" > ${out}`, receive).result).toMatchObject({ code: 0 });
    expect(await sender.result).toMatchObject({ code: 0 });
    expect(readFileSync(out).equals(noise(3 * MIB))).toBe(true);
  });

  it('show a QR code, which is no part of the output', async () => {
    const { sender, code } = await causeway.send(['--qr', file('a', 'x')]);
    await sender.stderrShows('█');
    expect(await causeway.run(['receive', '--yes', '--to', to, code])).toMatchObject({ code: 0 });
    expect(await sender.result).toMatchObject({ code: 0, stdout: `${code}\n` });
  });
});

/** Of the progress only the first: how many there are is a matter of time. */
function dropMiddle(all: Record<string, unknown>[]): Record<string, unknown>[] {
  const first = all.findIndex(({ type }) => type === 'progress');
  return all.filter(({ type }, index) => type !== 'progress' || index === first);
}

describe('a code', () => {
  it('with wrong words is used up, and both ends are told', async () => {
    const { sender, code } = await causeway.send([file('a', 'x')]);
    const [digits = '', ...words] = code.split('-');
    const wrong = [digits, ...words.reverse().map((word, at) => (at === 0 ? 'abacus' : word))].join('-');
    const [receiver, sent] = await Promise.all([causeway.run(['receive', '--yes', '--to', to, wrong]), sender.result]);
    expect([receiver.code, sent.code]).toEqual([1, 1]);
    for (const { stderr } of [receiver, sent]) expect(stderr).not.toContain('    at ');
    expect(contents(to)).toEqual({});
  });

  it('that nobody has given out is refused', async () => {
    const { code, stderr } = await causeway.run(['receive', '--yes', '--to', to, '9999-acorn-acorn-acorn']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('no such room')]);
  });

  it.each([
    ['none', ['receive']],
    ['what is no code', ['receive', '--yes', 'hello']],
    ['nobody to ask', ['receive', '4821-acorn-acorn-acorn']],
    ['two ways for what exists', ['receive', '--yes', '--overwrite', '--rename', '4821-acorn-acorn-acorn']],
    ['a bad duration', ['send-file', '--resume-for', 'soon', '/etc/hostname']],
    ['nothing to send', ['send-file']],
  ])('2: %s', async (_, args) => {
    expect(await causeway.run(args, { cwd: to })).toMatchObject({ code: 2 });
  });

  it('is not given out for what is not there', async () => {
    const missing = join(from, 'none');
    const { code, stdout, stderr } = await causeway.run(['send-file', missing]);
    expect([code, stdout, stderr]).toEqual([1, '', `causeway: ${missing} cannot be read: it is not there\n`]);
  });
});

describe('a name that is taken', () => {
  async function again(...options: string[]) {
    const { sender, code } = await causeway.send(['--json', file('a', 'new content')]);
    const receiver = await causeway.run(['receive', '--yes', ...options, '--to', to, code]);
    return { receiver, sent: await sender.result };
  }

  it('is not replaced without being told so, and the sender learns it', async () => {
    writeFileSync(join(to, 'a'), 'precious');
    const { receiver, sent } = await again();
    expect([receiver.code, receiver.stderr]).toEqual([1, expect.stringContaining('a exists at the receiver')]);
    expect(sent.code).toBe(1);
    expect(records(sent.stdout).at(-1)).toMatchObject({ type: 'error', exitCode: 1 });
    expect(contents(to)).toEqual({ a: 'precious' });
  });

  it('is replaced with --overwrite, and kept with --rename', async () => {
    writeFileSync(join(to, 'a'), 'old');
    const { receiver } = await again('--rename');
    expect([receiver.code, receiver.stderr]).toEqual([0, expect.stringContaining('received a (1), 11 B')]);
    expect(contents(to)).toEqual({ a: 'old', 'a (1)': 'new content' });
    expect((await again('--overwrite')).receiver.code).toBe(0);
    expect(contents(to)).toEqual({ a: 'new content', 'a (1)': 'new content' });
  });

  it('is nothing to send for the same content', async () => {
    writeFileSync(join(to, 'a'), 'new content');
    const { receiver, sent } = await again();
    expect(receiver.code).toBe(0);
    expect(records(sent.stdout).at(-1)).toMatchObject({ type: 'done', sent: 0 });
  });
});

describe('a transfer that ends early', () => {
  /** A sender and a receiver in the middle of it: what was given to stdin has arrived, and more may come. */
  async function inTheMiddle() {
    const { sender, code } = await causeway.send(['--name', 'a', '-'], { stdin: { open: true } });
    const receiver = causeway.start(['receive', '--yes', '--to', to, code]);
    sender.stdin.write(noise(MIB));
    const part = join(to, `a${PART}`);
    await waitFor(() => existsSync(part) && statSync(part).size === MIB, { what: 'a part has arrived' });
    return { sender, receiver, part };
  }

  it.each(['sender', 'receiver'] as const)('by Ctrl-C at the %s: both say so, and the part stays', async (who) => {
    const { part, ...sides } = await inTheMiddle();
    sides[who].kill('SIGINT');
    const other = who === 'sender' ? 'receiver' : 'sender';
    expect(await sides[who].result).toMatchObject({
      code: 130,
      stderr: expect.stringMatching(/causeway: cancelled\n$/),
    });
    expect(await sides[other].result).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/the other side: cancelled\n$/),
    });
    expect(readFileSync(part).equals(noise(MIB))).toBe(true);
  });

  it('goes on where it was with the next code', async () => {
    writeFileSync(join(to, `a${PART}`), noise(4 * MIB).subarray(0, 3 * MIB));
    const { sender, code } = await causeway.send(['--json', file('a', noise(4 * MIB))]);
    expect(await causeway.run(['receive', '--yes', '--to', to, code])).toMatchObject({ code: 0 });
    expect(records((await sender.result).stdout).at(-1)).toMatchObject({ type: 'done', bytes: 4 * MIB, sent: MIB });
    expect(readFileSync(join(to, 'a')).equals(noise(4 * MIB))).toBe(true);
  });

  it('because its other end is gone for good says how to go on', async () => {
    const { sender, code } = await causeway.send(['--resume-for', '1s', '-'], { stdin: { open: true } });
    const receiver = causeway.start(['receive', '--yes', '--resume-for', '1s', '--to', to, code]);
    await sender.stderrShows('connected to');
    receiver.kill('SIGKILL');
    await receiver.result.catch(() => undefined);
    const { code: exitCode, stderr } = await sender.result;
    expect([exitCode, stderr]).toEqual([
      75,
      expect.stringContaining('did not come back in 1 s. What has arrived is kept'),
    ]);
  });
});

describe('a receiver', () => {
  it('follows no link out of its folder', async () => {
    mkdirSync(join(from, 'a'));
    file('a/b', 'x');
    symlinkSync(from, join(to, 'a'));
    const { sender, code } = await causeway.send([join(from, 'a')]);
    const receiver = await causeway.run(['receive', '--yes', '--overwrite', '--to', to, code]);
    expect([receiver.code, receiver.stderr]).toEqual([1, expect.stringContaining('a is a symbolic link')]);
    expect(await sender.result).toMatchObject({ code: 1, stderr: expect.stringContaining('symbolic link') });
    expect(existsSync(join(from, 'b'))).toBe(false);
  });

  it('with a full disk tells both ends, and keeps what fitted', async ({ skip }) => {
    const disk = join(to, 'disk');
    mkdirSync(disk);
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).catch(() => null);
    if (mounted?.code !== 0) skip('a small disk needs the right to mount one');
    scope.keep({ stop: () => run('umount', [disk]) });
    const { sender, code } = await causeway.send(['--name', 'a', '-'], { stdin: noise(2 * MIB) });
    const receiver = await causeway.run(['receive', '--yes', '--to', disk, code]);
    expect([receiver.code, receiver.stderr]).toEqual([74, expect.stringContaining('no space is left on the disk')]);
    expect(await sender.result).toMatchObject({ code: 1, stderr: expect.stringContaining('no space is left') });
    const part = readFileSync(join(disk, `a${PART}`));
    expect(part.length).toBeGreaterThan(MIB / 2);
    expect(part.equals(noise(2 * MIB).subarray(0, part.length))).toBe(true);
    const whole = await causeway.send([file('b', noise(2 * MIB))]);
    const refused = await causeway.run(['receive', '--yes', '--to', disk, whole.code]);
    expect([refused.code, refused.stderr]).toEqual([74, expect.stringContaining('are free on the disk')]);
    expect(await whole.sender.result).toMatchObject({ code: 1 });
  });
});
