import { expect, test } from 'vitest';
import { A, B, C, message, Script } from '../../../../test/simulation/core-kit.ts';
import { World } from '../../../../test/simulation/world.ts';
import { Counters } from './counters.ts';
import { NodeLinks } from './node-links.ts';
import type { LinkAppend, LinkAppendReply } from './ports.ts';

test('one link for each node; the sums of all; a probe a second where one is owed; a link that ends is forgotten', async () => {
  const world = new World();
  const appends = new Script<[LinkAppend], LinkAppendReply>();
  const gone: unknown[] = [];
  const links = new NodeLinks({
    self: A,
    links: { append: appends.call },
    clock: world,
    timers: world,
    counters: new Counters(),
    linkBytes: 1000,
    inboxBytes: 1000,
    onFull: () => undefined,
    onGone: (node, messages) => gone.push([node, messages.length]),
  });
  const toB = links.to(B);
  expect(links.to(B)).toBe(toB);
  toB.message(message(), 1);
  links.to(C).message(message(), 1);
  expect([links.frames, links.unappended, links.bytes]).toEqual([2, 2, toB.bytes * 2]);
  await world.run(0, () => false);
  await appends.answer({ kind: 'ok' }, world);
  await appends.answer({ kind: 'ok' }, world);
  expect([links.frames, links.unappended]).toEqual([2, 0]);
  links.to(C).acknowledge(1);
  links.probe();
  await world.run(0, () => false);
  expect([appends.calls.length, appends.last[0].to]).toEqual([3, B]);
  await appends.answer({ kind: 'reaped' }, world);
  expect([gone, links.to(B) === toB, links.frames]).toEqual([[[B, 0]], false, 0]);
});
