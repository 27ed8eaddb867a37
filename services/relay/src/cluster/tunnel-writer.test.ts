import { expect, test } from 'vitest';
import type { Commands } from './commands.ts';
import { RedisTunnelWriter } from './tunnel-writer.ts';

const KIB = 1024;

/** A server that takes all envelopes, and answers counts when the test does. */
function setUp() {
  const counts: { readonly bytes: number; readonly answer: (kind: string) => void }[] = [];
  let added = 0;
  const commands = {
    client: { status: 'ready' },
    script: (_name: string, _keys: unknown, [bytes]: [number]) =>
      new Promise((resolve) => counts.push({ bytes, answer: (kind) => resolve({ kind }) })),
    run: async () => {
      added += 1;
      return { kind: 'ok' };
    },
  } as unknown as Commands;
  const writer = new RedisTunnelWriter({ commands, bulk: commands, state: 's', tunnels: 't', maxBytes: 1e9 });
  const append = (bytes: number) => writer.append(new Uint8Array(bytes));
  const answer = async (kind: string): Promise<void> => {
    counts.at(-1)?.answer(kind);
    await new Promise(setImmediate);
  };
  return { append, answer, counts, added: () => added };
}

test('nothing is added before the count has opened the stream', async () => {
  const { append, answer, added } = setUp();
  const first = append(1);
  const second = append(1);
  expect(added()).toBe(0);
  await answer('ok');
  expect([await first, await second, added()]).toEqual([{ kind: 'ok' }, { kind: 'ok' }, 2]);
});

test('while a count is under way 1 MiB is added, and no more', async () => {
  const { append, answer, counts, added } = setUp();
  const opened = append(512 * KIB);
  await answer('ok');
  await opened;
  await append(512 * KIB);
  const waits = append(1);
  await new Promise(setImmediate);
  expect([added(), counts.map(({ bytes }) => bytes)]).toEqual([2, [0, 512 * KIB]]);
  await answer('ok');
  expect([await waits, added()]).toEqual([{ kind: 'ok' }, 3]);
});

test('a count without an answer is repeated with what came meanwhile', async () => {
  const { append, answer, counts } = setUp();
  const opened = append(600 * KIB);
  await answer('ok');
  await opened;
  await answer('unavailable');
  const next = append(1);
  await answer('ok');
  expect(await next).toEqual({ kind: 'ok' });
  await answer('ok');
  expect(counts.map(({ bytes }) => bytes)).toEqual([0, 600 * KIB, 600 * KIB]);
});
