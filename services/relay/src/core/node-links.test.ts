import type { NodeId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { A, B, C, key, message, scriptedLinks } from '../../../../test/simulation/core-kit.ts';
import { encodeTurn, NodeFrame } from './node-frames.ts';
import { NodeLinks } from './node-links.ts';

const OK = { kind: 'ok' } as const;

function setUp() {
  const kit = scriptedLinks();
  return { ...kit, links: new NodeLinks(kit.deps) };
}

test('one link for each node; the sums of all; a probe a second where one is owed; a link that ends is forgotten', async () => {
  const { links, run, answer, appends, events } = setUp();
  const toB = links.to(B);
  expect(links.to(B)).toBe(toB);
  toB.message(message(), 1);
  links.to(C).message(message(), 1);
  expect([links.frames, links.unappended, links.bytes]).toEqual([2, 2, toB.bytes * 2]);
  await run();
  await answer(OK);
  await answer(OK);
  expect([links.frames, links.unappended]).toEqual([2, 0]);
  links.to(C).acknowledge(1);
  links.probe();
  await run();
  expect([appends.calls.length, appends.last[0].to]).toEqual([3, B]);
  await answer({ kind: 'reaped', last: 1 });
  expect([events, links.to(B) === toB, links.frames]).toEqual([[['gone', B]], false, 0]);
});

test('what was given is read when each node that is not dead has read its part; those that have not are asked', async () => {
  const { links, run, answer, appends } = setUp();
  const dead = new Set<NodeId>();
  const areRead = () => links.areRead(given, (node) => dead.has(node));
  for (const node of [A, B, C]) links.to(node).control(encodeTurn(key('bob'), 1));
  await run();
  for (let appended = 0; appended < 3; appended += 1) await answer(OK);
  const given = links.lasts();
  expect([...given]).toEqual([A, B, C].map((node) => [node, 1]));
  // What comes later is not waited for.
  links.to(A).control(encodeTurn(key('bob'), 2));
  links.to(A).acknowledge(1);
  expect([areRead(), [...given.keys()]]).toEqual([false, [B, C]]);
  await run();
  const [, , , ...later] = appends.calls.map(([{ to }]) => to);
  expect(later).toEqual([A, B, C]);
  for (let appended = 0; appended < 3; appended += 1) await answer(OK);
  dead.add(B);
  expect([areRead(), [...given.keys()]]).toEqual([false, [C]]);
  links.to(C).acknowledge(1);
  expect([areRead(), areRead()]).toEqual([true, true]);
});

test('a link that ended meanwhile, and began anew, is not waited for', async () => {
  const { links, run, answer } = setUp();
  links.to(B).control(encodeTurn(key('bob'), 1));
  const given = links.lasts();
  await run();
  await answer({ kind: 'reaped', last: 0 });
  expect(links.areRead(given, () => false)).toBe(true);
});

test('after stop nothing is sent any more, nor on new links', async () => {
  const { links, run, answer, appends, events } = setUp();
  links.to(B).message(message({ id: 1 }), 1);
  await run();
  links.stop();
  await answer({ kind: 'reaped', last: 0 });
  expect([links.to(B).message(message(), 1), links.to(C).message(message(), 1)]).toEqual(['closed', 'closed']);
  links.to(C).signal(NodeFrame.probe);
  await run(1000);
  expect([appends.calls.length, events, links.frames, links.bytes]).toEqual([1, [], 0, 0]);
});
