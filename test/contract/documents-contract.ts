import { expect, test } from 'vitest';
import {
  DOCUMENT_NAMES,
  DOCUMENTS,
  type DocumentName,
  type Notice,
} from '../../services/relay/src/core/shared-ports.ts';
import { waitFor } from '../kit/wait.ts';
import { newNode, of } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

const WRITERS = 10;

export function documentsContract(get: () => Implementation): void {
  const documents = () => get().store.documents;
  const present = async (name: DocumentName): Promise<number> =>
    of('versions', await documents().versions()).versions[name];
  const write = (name: DocumentName, expected: number, text: string) =>
    documents().write(name, expected, { text, by: 'tester', note: `as "${text}"` });

  test.each(DOCUMENT_NAMES)('there is no %s at first', async (name) => {
    expect(await documents().read(name)).toEqual({ kind: 'document', document: null });
    expect(await documents().history(name, 0, 1000)).toEqual({ kind: 'history', versions: [] });
    expect(await documents().versions()).toEqual({ kind: 'versions', versions: { policy: 0, access: 0 } });
    expect(await write(name, 1, 'on nothing')).toEqual({ kind: 'conflict', version: 0 });
    expect(await present(name)).toBe(0);
  });

  test('a version is written on the one before, and read as it was written', async () => {
    const text = '{"é":"\\"/\u{1f980}\\u0000","}":[1,null]}\n';
    const first = of('written', await write('policy', 0, 'first')).document;
    const second = of('written', await write('policy', 1, text)).document;
    expect(second).toEqual({ version: 2, text, by: 'tester', note: `as "${text}"`, at: expect.any(Number) });
    expect(second.at).toBeGreaterThanOrEqual(first.at);
    expect(await documents().read('policy')).toEqual({ kind: 'document', document: second });
    expect(await documents().history('policy', 0, 1000)).toEqual({ kind: 'history', versions: [second, first] });
    expect(await documents().versions()).toEqual({ kind: 'versions', versions: { policy: 2, access: 0 } });
  });

  test.each([-1, 1])('one that is written on another version (%i) changes nothing', async (by) => {
    const version = await present('policy');
    const before = await documents().history('policy', 0, 1000);
    expect(await write('policy', version + by, 'lost')).toEqual({ kind: 'conflict', version });
    expect(await documents().history('policy', 0, 1000)).toEqual(before);
  });

  test.each(DOCUMENT_NAMES)('of the %s as many versions are kept as there should be', async (name) => {
    const kept = DOCUMENTS[name].history + 1;
    const start = await present(name);
    const last = start + kept + 3;
    for (let version = start; version < last; version++) await write(name, version, `of ${version + 1}`);
    const { versions } = of('history', await documents().history(name, 0, 1000));
    const numbers = Array.from({ length: kept }, (_, index) => last - index);
    expect(versions.map(({ version, text }) => [version, text])).toEqual(numbers.map((one) => [one, `of ${one}`]));
  });

  test('some of the versions can be asked for', async () => {
    const start = await present('policy');
    for (let version = start; version < start + 4; version++) await write('policy', version, `of ${version + 1}`);
    const numbers = async (skip: number, count: number) =>
      of('history', await documents().history('policy', skip, count)).versions.map(({ version }) => version - start);
    expect(await numbers(0, 1)).toEqual([4]);
    expect(await numbers(0, 3)).toEqual([4, 3, 2]);
    expect(await numbers(1, 2)).toEqual([3, 2]);
    expect(await numbers(3, 1)).toEqual([1]);
    expect(await numbers(2000, 1)).toEqual([]);
  });

  test('of writers at the same time one wins each version', async () => {
    const start = await present('policy');
    for (let round = 0; round < 5; round++) {
      const expected = start + round;
      const tries = Array.from({ length: WRITERS }, (_, index) => write('policy', expected, `writer ${index}`));
      const replies = await Promise.all(tries);
      const written = replies.filter((reply) => reply.kind === 'written');
      expect(written).toHaveLength(1);
      const conflict = { kind: 'conflict', version: expected + 1 };
      expect(replies.filter((reply) => reply.kind === 'conflict')).toEqual(
        Array.from({ length: WRITERS - 1 }, () => conflict),
      );
      expect(of('document', await documents().read('policy')).document).toEqual(written[0]?.document);
    }
  });

  test('none is found to last by mistake', async () => {
    const { lasting } = of('keys', await get().store.audit.keys(newNode(), 100_000));
    expect(lasting.filter((key) => key.includes('{cfg}'))).toEqual([]);
  });

  test('all are told of a change, and nobody of a conflict', async () => {
    const { notices } = get().store;
    const told: Notice[] = [];
    notices.onNotice((notice) => told.push(notice));
    const version = await present('access');
    await waitFor(
      async () => {
        await notices.publish({ kind: 'changed', name: 'access', version: 0 });
        return told.length > 0;
      },
      { what: 'notices arrive' },
    );
    await write('access', version - 1, 'lost');
    await write('access', version, 'new');
    // What earlier tests wrote may still be on its way.
    const isNews = (notice: Notice) =>
      notice.kind === 'changed' && notice.name === 'access' && notice.version > version;
    await waitFor(() => told.some(isNews), { what: 'the change is told' });
    expect(told.filter(isNews)).toEqual([{ kind: 'changed', name: 'access', version: version + 1 }]);
  });
}
