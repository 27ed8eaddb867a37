import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { temporaryFolder } from '../../test/temporary.ts';
import type { Entry } from '../transfer/records.ts';
import { type Answer, IncomingFiles } from './incoming-files.ts';
import { PART } from './names.ts';
import { TargetFolder } from './target-folder.ts';

const over = new AbortController().signal;
const sha256 = (content: string): Uint8Array => new Uint8Array(createHash('sha256').update(content).digest());
const file = (name: string, size?: number, executable = false): Entry => ({
  path: name.split('/'),
  folder: false,
  executable,
  ...(size !== undefined && { size }),
});

let outside: string;
let folder: string;
let asked: string[];

beforeEach(() => {
  outside = temporaryFolder();
  folder = join(outside, 'target');
  mkdirSync(folder);
  asked = [];
});

const at = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(at(name), 'utf8');

async function incoming(answer: Answer = 'overwrite'): Promise<IncomingFiles> {
  const files = new IncomingFiles(await TargetFolder.open(folder), {
    begin: async () => undefined,
    taken: async (path) => {
      asked.push(path);
      return answer;
    },
  });
  onTestFinished(() => files.close());
  return files;
}

/** Takes the files as a sender would give them that has these contents. */
async function take(files: IncomingFiles, contents: Readonly<Record<string, string>>): Promise<number[]> {
  const all = Object.entries(contents);
  await files.consider(
    all.map(([name, content]) => file(name, content.length)),
    over,
  );
  const prefixes = new Map<number, Uint8Array>();
  for (const [index, [, content]] of all.entries()) {
    const held = await files.held(index);
    if (held > 0) prefixes.set(index, sha256(content.slice(0, held)));
  }
  const decisions = await files.decide(prefixes, over);
  for (const { file: index, from } of decisions) {
    const content = all[index]?.[1] ?? '';
    const sink = await files.open(index, from);
    await sink.write(Buffer.from(content.slice(from)));
    await sink.finish(sha256(content));
  }
  return decisions.map(({ from }) => from);
}

describe('files that come in', () => {
  it('get their names when they are complete', async () => {
    const files = await incoming();
    await files.consider([file('a/b.txt', 6), { path: ['a', 'empty'], folder: true, executable: false }], over);
    expect(existsSync(at('a'))).toBe(false);
    await files.decide(new Map(), over);
    const sink = await files.open(0, 0);
    await sink.write(Buffer.from('abc'));
    expect(readdirSync(at('a')).sort()).toEqual([`b.txt${PART}`, 'empty']);
    await sink.write(Buffer.from('def'));
    await sink.finish(sha256('abcdef'));
    expect(readdirSync(at('a')).sort()).toEqual(['b.txt', 'empty']);
    expect(read('a/b.txt')).toBe('abcdef');
    expect(files.pathOf(0)).toEqual(['a', 'b.txt']);
  });

  it('keep what came, and go on from there in another run', async () => {
    const first = await incoming();
    await first.consider([file('a', 6)], over);
    await first.decide(new Map(), over);
    await (await first.open(0, 0)).write(Buffer.from('abc'));
    await first.close();
    expect(read(`a${PART}`)).toBe('abc');
    expect(await take(await incoming(), { a: 'abcdef' })).toEqual([3]);
    expect([read('a'), readdirSync(folder)]).toEqual(['abcdef', ['a']]);
  });

  it('begin anew where what is there is of another file', async () => {
    writeFileSync(at(`a${PART}`), 'xyz and more');
    expect(await take(await incoming(), { a: 'abcdef' })).toEqual([0]);
    expect(read('a')).toBe('abcdef');
  });

  it('leave nothing behind of what is damaged, or empty', async () => {
    const files = await incoming();
    await files.consider([file('a', 3), file('b', 3)], over);
    await files.decide(new Map(), over);
    const sink = await files.open(0, 0);
    await sink.write(Buffer.from('abc'));
    await expect(sink.finish(sha256('abd'))).rejects.toMatchObject({ fault: 'hash_mismatch' });
    await files.open(1, 0);
    await files.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('may not grow beyond what was offered', async () => {
    const files = await incoming();
    await files.consider([file('a', 3)], over);
    await files.decide(new Map(), over);
    await expect((await files.open(0, 0)).write(Buffer.from('abcd'))).rejects.toMatchObject({ fault: 'protocol' });
  });

  it('are executable if they were', async () => {
    const files = await incoming();
    await files.consider([file('run.sh', 0, true), file('data', 0)], over);
    for (const { file: index } of await files.decide(new Map(), over)) {
      await (await files.open(index, 0)).finish(sha256(''));
    }
    expect(['run.sh', 'data'].map((name) => (statSync(at(name)).mode & 0o100) !== 0)).toEqual([true, false]);
  });

  it('must be the same after a resume', async () => {
    const files = await incoming();
    await files.consider([file('a', 3)], over);
    await files.consider([file('a', 3)], over);
    await expect(files.consider([file('a', 4)], over)).rejects.toMatchObject({ fault: 'offer_changed' });
  });
});

describe('a name that is taken', () => {
  it('is asked about', async () => {
    writeFileSync(at('a'), 'old');
    await take(await incoming('overwrite'), { a: 'new one' });
    expect([read('a'), asked]).toEqual(['new one', ['a']]);
  });

  it('is left alone, or gets a number', async () => {
    for (const name of ['a.txt', 'a (1).txt', '.rc']) writeFileSync(at(name), 'old');
    expect(await take(await incoming('skip'), { 'a.txt': 'new one' })).toEqual([]);
    const files = await incoming('rename');
    await take(files, { 'a.txt': 'second', 'a (2).txt': 'third', '.rc': 'fourth' });
    expect([0, 1, 2].map((index) => files.pathOf(index))).toEqual([['a (3).txt'], ['a (2).txt'], ['.rc (1)']]);
    expect(['a.txt', 'a (1).txt', 'a (2).txt', 'a (3).txt', '.rc (1)'].map(read)).toEqual([
      ...['old', 'old', 'third', 'second', 'fourth'],
    ]);
  });

  it('is no question for what is there already, byte by byte', async () => {
    writeFileSync(at('a'), 'same');
    writeFileSync(at('b'), 'diff');
    expect(await take(await incoming('skip'), { a: 'same', b: 'DIFF' })).toEqual([]);
    expect(asked).toEqual(['b']);
  });

  it('is not replaced if it came while the bytes did', async () => {
    const files = await incoming();
    await files.consider([file('a', 0)], over);
    await files.decide(new Map(), over);
    const sink = await files.open(0, 0);
    writeFileSync(at('a'), 'precious');
    await expect(sink.finish(sha256(''))).rejects.toMatchObject({ fault: 'exists' });
    expect(read('a')).toBe('precious');
  });

  it('of a folder cannot be replaced by a file', async () => {
    mkdirSync(at('a'));
    await expect(take(await incoming('overwrite'), { a: 'x' })).rejects.toMatchObject({ fault: 'not_writable' });
  });
});

describe('nothing is written outside the folder', () => {
  it.each([['..', 'a'], ['/etc', 'a'], ['a', '..', '..', 'b'], ['C:\\a']].map((path) => [path]))(
    'by %j',
    async (path) => {
      const files = await incoming();
      const entry = { path, folder: false, executable: false, size: 1 };
      await expect(files.consider([entry], over)).rejects.toMatchObject({ fault: 'bad_name' });
      expect(readdirSync(outside)).toEqual(['target']);
    },
  );

  it.each([
    ['a link to a folder', () => symlinkSync(outside, at('a'))],
    ['a link to nothing', () => symlinkSync(join(outside, 'none'), at('a'))],
    ['a file', () => writeFileSync(at('a'), '')],
  ])('through a parent that is %s', async (_, make) => {
    make();
    await expect(take(await incoming(), { 'a/b/c': 'x' })).rejects.toMatchObject({ fault: 'bad_name' });
    expect(readdirSync(outside)).toEqual(['target']);
  });

  it('through a parent that becomes a link while the bytes come', async () => {
    const files = await incoming();
    await files.consider([file('a/b', 1)], over);
    await files.decide(new Map(), over);
    const sink = await files.open(0, 0);
    await sink.write(Buffer.from('x'));
    rmSync(at('a'), { recursive: true });
    symlinkSync(outside, at('a'));
    await expect(sink.finish(sha256('x'))).rejects.toMatchObject({ fault: 'bad_name' });
    expect(readdirSync(outside)).toEqual(['target']);
  });

  it.each([
    ['a link', (secret: string) => symlinkSync(secret, at(`a${PART}`))],
    ['a second name of a file', (secret: string) => linkSync(secret, at(`a${PART}`))],
  ])('through a part that is %s', async (_, make) => {
    const secret = join(outside, 'secret');
    writeFileSync(secret, 'secret');
    make(secret);
    await expect(take(await incoming(), { a: 'x' })).rejects.toMatchObject({ fault: 'not_writable' });
    expect(readFileSync(secret, 'utf8')).toBe('secret');
  });

  it('when a link is overwritten', async () => {
    const secret = join(outside, 'secret');
    writeFileSync(secret, 'secret');
    symlinkSync(secret, at('a'));
    await take(await incoming('overwrite'), { a: 'new' });
    expect([readFileSync(secret, 'utf8'), read('a')]).toEqual(['secret', 'new']);
  });
});

describe('a disk that does not take it', () => {
  it('is full: what came stays', async () => {
    const files = await incoming();
    await files.consider([file('a')], over);
    await files.decide(new Map(), over);
    const sink = await files.open(0, 0);
    await sink.write(Buffer.from('abc'));
    const handle = await open(at(`a${PART}`));
    await handle.close();
    const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
    const write = vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, 'write').mockRejectedValue(full);
    onTestFinished(() => write.mockRestore());
    await expect(sink.write(Buffer.from('def'))).rejects.toMatchObject({
      fault: 'no_space',
      message: 'a cannot be written: no space is left on the disk',
    });
    await files.close();
    expect(read(`a${PART}`)).toBe('abc');
  });

  it('has too little room from the start', async () => {
    const files = await incoming();
    await files.consider([file('a', 2 ** 52)], over);
    await expect(files.decide(new Map(), over)).rejects.toMatchObject({
      fault: 'no_space',
      message: expect.stringMatching(/^4\.5 PB are needed and .* are free/),
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it.skipIf(process.getuid?.() === 0)('permits nothing', async () => {
    chmodSync(folder, 0o500);
    await expect(take(await incoming(), { a: 'x' })).rejects.toMatchObject({
      fault: 'not_writable',
      message: 'a cannot be written: permission denied',
    });
  });

  it('is no folder', async () => {
    await expect(TargetFolder.open(at('none'))).rejects.toMatchObject({ fault: 'not_writable' });
    writeFileSync(at('a'), '');
    await expect(TargetFolder.open(at('a'))).rejects.toThrow('is no folder');
  });
});
