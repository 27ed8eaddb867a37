import { createHash } from 'node:crypto';
import { appendFileSync, chmodSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/temporary.ts';
import type { Outgoing, TransferSource } from '../transfer/sender.ts';
import { RunningHash } from './running-hash.ts';
import { openSources } from './sources.ts';

const MIB = 1024 * 1024;
const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(bytes).digest());

let folder: string;
let skipped: string[];

const open = (paths: readonly string[], stdin: AsyncIterable<Uint8Array> = none()): Promise<TransferSource> =>
  openSources(paths, { stdin, stdinName: 'notes', onSkipped: (path, what) => skipped.push(`${path} ${what}`) });

async function* none(): AsyncGenerator<Uint8Array> {}

async function* chunks(count: number, size: number): AsyncGenerator<Uint8Array> {
  for (let number = 0; number < count; number++) yield new Uint8Array(size).fill(number);
}

async function readAll(outgoing: Outgoing): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let part = await outgoing.next(); part !== null; part = await outgoing.next()) parts.push(part.slice());
  await outgoing.close();
  return Buffer.concat(parts);
}

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

beforeEach(() => {
  folder = temporaryFolder();
  skipped = [];
});

describe('openSources', () => {
  it('finds files, folders and what is in them, and follows only links that were named', async () => {
    mkdirSync(join(folder, 'photos/empty'), { recursive: true });
    write('photos/b.jpg', 'bb');
    write('photos/a.sh', 'a');
    chmodSync(join(folder, 'photos/a.sh'), 0o755);
    symlinkSync('/etc/passwd', join(folder, 'photos/link'));
    symlinkSync(write('real.txt', 'real'), join(folder, 'named'));
    const { entries } = await open([`${folder}/photos/`, join(folder, 'named'), '-']);
    expect(entries).toEqual([
      { path: ['photos'], folder: true, executable: false },
      { path: ['photos', 'a.sh'], folder: false, size: 1, executable: true },
      { path: ['photos', 'b.jpg'], folder: false, size: 2, executable: false },
      { path: ['photos', 'empty'], folder: true, executable: false },
      { path: ['named'], folder: false, size: 4, executable: false },
      { path: ['notes'], folder: false, executable: false },
    ]);
    expect(skipped).toEqual([`${folder}/photos/link a symbolic link`]);
  });

  it.each([
    ['what is not there', () => [join(folder, 'none')], 'source_gone'],
    ['what is no file', () => ['/dev/null'], 'not_readable'],
    ['a name that no Windows takes', () => [write('a?', 'x')], 'bad_name'],
    ['two of one name', () => [write('a', 'x'), join(folder, '../', folder.split('/').at(-1) ?? '', 'a')], 'bad_name'],
  ])('refuses %s', async (_, paths, fault) => {
    await expect(open(paths())).rejects.toMatchObject({ fault });
  });
});

describe('a file', () => {
  it('is read from anywhere, with the hash of all of it', async () => {
    const content = new Uint8Array(40 * MIB).map((_, at) => (at >> 12) & 0xff);
    const source = await open([write('big', content)]);
    for (const from of [0, 1, 33 * MIB, 40 * MIB]) {
      expect(await source.prefix(0, from)).toEqual(sha256(content.subarray(0, from)));
      const outgoing = await source.open(0, from);
      expect(Buffer.compare(await readAll(outgoing), content.subarray(from))).toBe(0);
      expect(outgoing.digest()).toEqual(sha256(content));
    }
    expect(await source.prefix(0, content.length + 1)).toBeNull();
  });

  it.each<[string, (path: string) => void]>([
    ['grows', (path) => appendFileSync(path, 'more')],
    ['shrinks', (path) => writeFileSync(path, 'l')],
    ['is written anew', (path) => utimesSync(path, 1, 1)],
    [
      'is replaced',
      (path) => {
        rmSync(path);
        writeFileSync(path, 'later');
      },
    ],
  ])('that %s is not sent as if it were the same', async (_, change) => {
    const path = write('a', 'first');
    const source = await open([path]);
    const outgoing = await source.open(0, 0);
    const read = outgoing.next();
    await read;
    change(path);
    if (_ !== 'is replaced') await expect(outgoing.next()).rejects.toMatchObject({ fault: 'source_changed' });
    await outgoing.close();
    await expect(source.open(0, 0)).rejects.toMatchObject({ fault: 'source_changed' });
  });

  it('that vanishes is said to be gone', async () => {
    const path = write('a', 'first');
    const source = await open([path]);
    rmSync(path);
    await expect(source.open(0, 0)).rejects.toMatchObject({
      fault: 'source_gone',
      message: `${path} cannot be read: it is not there`,
    });
  });
});

describe('stdin', () => {
  it('can be read again from what was confirmed', async () => {
    const content = Buffer.concat([0, 1, 2, 3].map((fill) => Buffer.alloc(1000, fill)));
    const source = await open(['-'], chunks(4, 1000));
    const first = await source.open(0, 0);
    for (let count = 0; count < 3; count++) await first.next();
    source.confirmed(0, 1500);
    expect(await source.prefix(0, 999)).toBeNull();
    expect(await source.prefix(0, 2500)).toEqual(sha256(content.subarray(0, 2500)));
    expect(await source.prefix(0, 3001)).toBeNull();
    const again = await source.open(0, 2500);
    expect(await readAll(again)).toEqual(content.subarray(2500));
    expect(again.digest()).toEqual(sha256(content));
    await expect(source.open(0, 500)).rejects.toMatchObject({ fault: 'offer_changed' });
  });

  it('is read no further than can be kept, until more is confirmed', async () => {
    const source = await open(['-'], chunks(20, MIB));
    const outgoing = await source.open(0, 0);
    let read = 0;
    for (; read < 8 * MIB; read += 128 * 1024) await outgoing.next();
    const waiting = outgoing.next();
    const state = await Promise.race([
      waiting.then(() => 'read'),
      new Promise((resolve) => setImmediate(resolve, 'waits')),
    ]);
    expect(state).toBe('waits');
    source.confirmed(0, MIB);
    expect((await waiting)?.[0]).toBe(8);
  });
});

describe('RunningHash', () => {
  it('knows where it was, for a while back', () => {
    const hash = new RunningHash();
    const chunk = new Uint8Array(4 * MIB);
    for (let count = 0; count < 50; count++) hash.update(chunk);
    expect([0, 100 * MIB, 199 * MIB, 300 * MIB].map((bytes) => hash.before(bytes).bytes / MIB)).toEqual([
      0, 96, 192, 200,
    ]);
    expect(hash.before(100 * MIB).digest()).toEqual(sha256(new Uint8Array(96 * MIB)));
  });
});
