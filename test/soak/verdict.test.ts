import { describe, expect, test } from 'vitest';
import type { NodeSample, Sample } from './sample.ts';
import { findGrowth, findLasting, findOpenFiles, memoryGrowth } from './verdict.ts';

const NODE: NodeSample = {
  rssBytes: 100e6,
  heapUsedBytes: 30e6,
  files: 60,
  connections: 20,
  lagP99Ms: 1,
  lagMaxMs: 2,
};

function sample(minute: number, ...nodes: Partial<NodeSample>[]): Sample {
  const all = nodes.map((node) => ({ ...NODE, ...node }));
  return { minute, messages: 0, nodes: all, redisBytes: 0, redisKeys: 0, load: 0 };
}

/** Two nodes: the first has the memory that is given for the minute, the second stays as it is. */
function run(minutes: number, rssAt: (minute: number) => number): Sample[] {
  return Array.from({ length: minutes }, (_, index) => sample(index + 1, { rssBytes: rssAt(index + 1) }, {}));
}

describe('resident memory', () => {
  test('may grow while it warms up', () => {
    const samples = run(60, (minute) => Math.min(minute, 10) * 10e6);
    expect(memoryGrowth(samples).map(({ share }) => share)).toEqual([0, 0]);
    expect(findGrowth(samples)).toEqual([]);
  });

  test('that goes on growing is found, with its node', () => {
    const found = findGrowth(run(60, (minute) => 100e6 + minute * 1e6));
    expect(found).toEqual([expect.stringContaining('node 0 has grown by 41.1 %')]);
  });

  test('may move, and a single peak does not count', () => {
    expect(findGrowth(run(60, (minute) => (minute === 60 ? 300e6 : 100e6 + (minute % 3) * 5e6)))).toEqual([]);
  });

  test('of a short run is not judged', () => {
    expect(memoryGrowth(run(15, (minute) => minute * 10e6))).toEqual([]);
  });
});

describe('open files', () => {
  const samples = [sample(1, {}, { files: 70, connections: 30 })];

  test('without clients are those that were open beside clients', () => {
    expect(findOpenFiles(samples, sample(60, { files: 40, connections: 0 }, { files: 42, connections: 0 }))).toEqual(
      [],
    );
  });

  test('that are left over are found, with their node', () => {
    const found = findOpenFiles(samples, sample(60, { files: 40, connections: 0 }, { files: 44, connections: 0 }));
    expect(found).toEqual(['node 1 has 44 open files without a client; 40 at the beginning']);
  });

  test('belong to connections that a node still counts', () => {
    const found = findOpenFiles(samples, sample(60, { files: 41, connections: 1 }, { files: 40, connections: 0 }));
    expect(found).toEqual(['node 0 still counts 1 connections']);
  });
});

test('keys without an end are those of nodes that live', () => {
  const lasting = ['cw:{nodes}', 'cw:{n:a}:state', 'cw:{n:ab}:state', 'cw:{p:default/x}:loc'];
  expect(findLasting(lasting, ['a', 'ab', 'c'])).toEqual([expect.stringContaining('1 keys in Redis')]);
  expect(findLasting(lasting, ['a'])).toEqual(['2 keys in Redis have no end: cw:{n:ab}:state, cw:{p:default/x}:loc']);
  expect(findLasting(lasting.slice(0, 2), ['a'])).toEqual([]);
});
