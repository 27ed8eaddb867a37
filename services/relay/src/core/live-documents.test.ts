import { describe, expect, test } from 'vitest';
import { silentLog, World } from '../../../../test/simulation/world.ts';
import { createEmbeddedCluster } from '../embedded/cluster.ts';
import { createEmbeddedStore } from '../embedded/store.ts';
import { type Apply, applyParsed, LiveDocuments, type LiveDocumentsDeps } from './live-documents.ts';
import type { Documents, DocumentVersion } from './shared-ports.ts';

const UNAVAILABLE = { kind: 'unavailable', reason: 'test' } as const;

/** Two nodes' worth of parts over one store: what is in force on one, and a hand on the store. */
function setUp(options: { readonly deaf?: boolean; readonly seed?: string } = {}) {
  const world = new World();
  const cluster = createEmbeddedCluster(() => world.now());
  const { documents, notices } = createEmbeddedStore(cluster);
  const control = { isOut: false, reads: 0 };
  const faulty: Documents = {
    read: (name) => {
      control.reads += 1;
      return control.isOut ? Promise.resolve(UNAVAILABLE) : documents.read(name);
    },
    write: (...args) => (control.isOut ? Promise.resolve(UNAVAILABLE) : documents.write(...args)),
    history: (name, skip, count) => documents.history(name, skip, count),
    versions: () => (control.isOut ? Promise.resolve(UNAVAILABLE) : documents.versions()),
  };
  const policies: string[] = [];
  const problems: object[] = [];
  const apply = (document: DocumentVersion | null): string | null => {
    if (document?.text === 'bad') return 'it is bad';
    policies.push(document === null ? 'none' : `${document.version} ${document.text}`);
    return null;
  };
  const deps: LiveDocumentsDeps = {
    documents: faulty,
    notices: options.deaf ? { ...notices, onNotice: () => undefined } : notices,
    timers: world,
    log: { ...silentLog, error: (fields) => void problems.push(fields) },
    apply: { policy: apply, access: () => null },
    ...(options.seed !== undefined && { seed: { policy: options.seed } }),
  };
  const live = new LiveDocuments(deps);
  const write = (expected: number, text: string) => documents.write('policy', expected, { text, by: 'op', note: '' });
  const run = (ms = 0) => world.run(ms, () => false);
  let isReady = false;
  void live.ready.then(() => {
    isReady = true;
  });
  const forget = () => cluster.documents.clear();
  return { live, write, run, policies, problems, control, forget, world, isReady: () => isReady };
}

describe('what is in force', () => {
  test('is read at the start, and that there is nothing as well', async () => {
    const { live, run, policies, isReady } = setUp();
    expect(live.missing).toEqual(['policy', 'access']);
    live.start();
    await run();
    expect([policies, isReady(), live.missing]).toEqual([['none'], true, []]);
  });

  test('changes with a notice, before any time passes, and not again with the polls', async () => {
    const { live, write, run, policies, control } = setUp();
    live.start();
    await run();
    await write(0, 'a');
    await run();
    expect(policies).toEqual(['none', '1 a']);
    const { reads } = control;
    await run(5000);
    expect([policies, control.reads]).toEqual([['none', '1 a'], reads]);
  });

  test('changes with the next poll where notices are lost', async () => {
    const { live, write, run, policies } = setUp({ deaf: true });
    live.start();
    await run();
    await write(0, 'a');
    await run(499);
    expect(policies).toEqual(['none']);
    await run(1);
    expect(policies).toEqual(['none', '1 a']);
  });

  test('is read again as often as it takes while the store is away', async () => {
    const { live, write, run, policies, control, isReady } = setUp();
    control.isOut = true;
    await write(0, 'a');
    live.start();
    await run(10_000);
    expect([policies, isReady(), live.missing]).toEqual([[], false, ['policy', 'access']]);
    control.isOut = false;
    await run(500);
    expect([policies, isReady()]).toEqual([['1 a'], true]);
    control.isOut = true;
    await write(1, 'b');
    await run(2000);
    expect(policies).toEqual(['1 a']);
    control.isOut = false;
    await run(500);
    expect(policies).toEqual(['1 a', '2 b']);
  });

  test('of many changes at once the last one counts, with few readings', async () => {
    const { live, write, run, policies, control } = setUp();
    live.start();
    await run();
    const { reads } = control;
    for (let version = 0; version < 20; version++) await write(version, String(version + 1));
    await run();
    expect(policies.at(-1)).toBe('20 20');
    expect(control.reads - reads).toBeLessThanOrEqual(20);
    expect(policies).toEqual([...new Set(policies)]);
  });

  test('stays as it is when it is stopped', async () => {
    const { live, write, run, policies, world } = setUp();
    live.start();
    await run();
    live.stop();
    await write(0, 'a');
    await run(5000);
    expect([policies, world.pending]).toEqual([['none'], 0]);
  });
});

describe('a document that cannot be read here', () => {
  test('is told once, and leaves the one before in force', async () => {
    const { live, write, run, policies, problems } = setUp();
    live.start();
    await run();
    await write(0, 'a');
    await write(1, 'bad');
    await run(5000);
    expect(policies.at(-1)).toBe('1 a');
    expect(problems).toEqual([{ document: 'policy', version: 2, by: 'op', problem: 'it is bad' }]);
    await write(2, 'c');
    await run();
    expect(policies.at(-1)).toBe('3 c');
  });

  test('does not make ready: nobody knows what should hold', async () => {
    const { live, write, run, policies, isReady } = setUp();
    await write(0, 'bad');
    live.start();
    await run(5000);
    expect([policies, isReady(), live.missing]).toEqual([[], false, ['policy']]);
    await write(1, 'b');
    await run();
    expect([policies, isReady()]).toEqual([['2 b'], true]);
  });
});

describe('a store that has lost versions', () => {
  test('is believed the second time that a poll finds an older one', async () => {
    const { live, write, run, policies, forget } = setUp();
    live.start();
    await write(0, 'a');
    await write(1, 'b');
    await run();
    forget();
    await run(500);
    await live.refresh();
    expect(policies.at(-1)).toBe('2 b');
    await run(500);
    expect(policies.slice(-2)).toEqual(['2 b', 'none']);
  });

  test('is not believed for one old answer', async () => {
    const { live, write, run, policies, forget } = setUp();
    await write(0, 'a');
    await write(1, 'b');
    live.start();
    await run();
    for (let count = 0; count < 3; count++) {
      forget();
      await run(500);
      await write(0, 'a');
      await write(1, 'b');
      await run(500);
    }
    expect([...new Set(policies)]).toEqual(['2 b']);
  });

  test('and has another one of the same number is found out by a refresh', async () => {
    const { live, write, run, policies, forget } = setUp({ deaf: true });
    live.start();
    await write(0, 'a');
    await run(500);
    forget();
    await run(10);
    await write(0, 'other');
    await run(2000);
    expect(policies.at(-1)).toBe('1 a');
    await live.refresh();
    expect(policies.at(-1)).toBe('1 other');
  });

  test('is found out later where the refresh failed', async () => {
    const { live, write, run, policies, forget, control } = setUp({ deaf: true });
    live.start();
    await write(0, 'a');
    await run(500);
    forget();
    await run(10);
    await write(0, 'other');
    control.isOut = true;
    await live.refresh();
    control.isOut = false;
    await run(500);
    expect(policies.at(-1)).toBe('1 other');
  });
});

describe('a seed', () => {
  test('is written where there is none, and comes before anything else is in force', async () => {
    const { live, run, policies, control, forget } = setUp({ seed: 'seeded' });
    control.isOut = true;
    live.start();
    await run(2000);
    control.isOut = false;
    await run(500);
    expect(policies).toEqual(['1 seeded']);
    forget();
    await run(10_000);
    // Once for each time that there is none.
    expect(policies).toEqual(['1 seeded', '1 seeded']);
  });

  test('does not touch what there is', async () => {
    const { live, write, run, policies } = setUp({ seed: 'seeded' });
    await write(0, 'a');
    live.start();
    await run(1000);
    expect(policies).toEqual(['1 a']);
  });
});

test('applyParsed puts what can be parsed, and says all that is wrong with the rest', () => {
  const put: unknown[] = [];
  const parse = (text: string) =>
    text === 'good'
      ? ({ ok: true, document: text } as const)
      : ({
          ok: false,
          problems: [
            { path: 'a.b', message: 'no' },
            { path: '', message: 'never' },
          ],
        } as const);
  const apply: Apply = applyParsed(parse, (document, version) => put.push([document, version]));
  const version = { version: 7, by: '', note: '', at: 0 };
  expect(apply({ ...version, text: 'good' })).toBeNull();
  expect(apply({ ...version, text: 'wrong' })).toBe('a.b: no; never');
  expect(apply(null)).toBeNull();
  expect(put).toEqual([
    ['good', 7],
    [null, 0],
  ]);
});
