import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterEach, expect, test } from 'vitest';
import { complaints } from '../kit/observe.ts';
import { connectPeer, type RawPeer } from '../kit/peer.ts';
import { freePorts } from '../kit/ports.ts';
import { startRedis } from '../kit/redis.ts';
import { type Env, type Relay, startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { waitFor } from '../kit/wait.ts';
import { outcomes, text } from './fixture.ts';

const scope = new Scope();
afterEach(() => scope.end());

/** The first of two admin ports that follow each other. */
async function adjacentPorts(): Promise<number> {
  for (;;) {
    const [first, second] = (await freePorts(2)) as [number, number];
    if (second === first + 1) return first;
  }
}

async function startTwo(more: Env = {}): Promise<{ relay: Relay; admin: number }> {
  const redis = scope.keep(await startRedis());
  const admin = await adjacentPorts();
  const env = { CAUSEWAY_PROCESSES: '2', CAUSEWAY_ADMIN_PORT: String(admin), ...more };
  const relay = scope.keep(await startRelay({ redis, env }));
  await untilListening(relay, 2);
  return { relay, admin };
}

const untilListening = (relay: Relay, times: number) =>
  waitFor(() => relay.logs.filter(({ event }) => event === 'listening').length === times, {
    what: `relay processes have said ${times} times that they listen`,
    timeoutMs: 30_000,
  });

/** The relay processes that the supervisor has now. */
async function relayPids({ pid }: Relay): Promise<number[]> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').map(Number);
  const commands = await Promise.all(children.map((child) => readFile(`/proc/${child}/cmdline`, 'utf8')));
  // The kit's watchdog, a shell, is a child of the supervisor, too.
  return children.filter((_, index) => commands[index]?.startsWith(process.execPath));
}

const get = (url: string) => fetch(url, { headers: { connection: 'close' } });

interface Named {
  readonly name: string;
  readonly peer: RawPeer;
}

/** Connects peers until each of the two processes serves one. */
async function onBoth(relay: Relay): Promise<[Named, Named]> {
  const byNode = new Map<string, Named>();
  for (let count = 0; byNode.size < 2; count += 1) {
    expect(count, 'connections to the shared port reach both processes').toBeLessThan(200);
    const peer = scope.keep(await connectPeer({ url: relay.url, autoAck: true }));
    const { node, peer: name } = await peer.hello({ peer: `peer-${count}` });
    byNode.set(node, { name, peer });
  }
  return [...byNode.values()] as [Named, Named];
}

test('two processes share the public port and have admin ports that count up', async () => {
  const { relay, admin } = await startTwo();
  expect(relay.listening).toMatchObject({ sharedUrl: relay.url });
  const ready = await Promise.all([0, 1].map((index) => get(`http://127.0.0.1:${admin + index}/health/ready`)));
  expect(ready.map(({ status }) => status)).toEqual([200, 200]);
  const metrics = await Promise.all(
    [0, 1].map(async (index) => (await get(`http://127.0.0.1:${admin + index}/metrics`)).text()),
  );
  const nodes = metrics.map((body) => /causeway_build_info\{[^}]*node="([^"]+)"/.exec(body)?.[1]);
  expect(new Set(nodes).size).toBe(2);

  const [sender, reader] = await onBoth(relay);
  const id = sender.peer.message(reader.name, 'from one to the other');
  expect(await outcomes(sender.peer, id)).toEqual(['delivered']);
  expect(text((await reader.peer.next('deliver')).payload)).toBe('from one to the other');
});

test('a process that is killed is started again, and both end with the supervisor', async () => {
  const { relay, admin } = await startTwo();
  const before = await relayPids(relay);
  expect(before).toHaveLength(2);
  process.kill(before[0] as number, 'SIGKILL');
  await untilListening(relay, 3);
  const after = await relayPids(relay);
  expect(after).toHaveLength(2);
  expect(after.filter((pid) => before.includes(pid))).toEqual([before[1]]);
  for (const index of [0, 1]) expect((await get(`http://127.0.0.1:${admin + index}/health/ready`)).status).toBe(200);
  // The one complaint is about the process that was killed.
  expect(complaints(relay)).toMatchObject([{ level: 'error', service: 'supervisor', signal: 'SIGKILL' }]);

  expect(await relay.stop()).toBe(0);
  expect(after.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
});

test('no process outlives its supervisor', async () => {
  const { relay } = await startTwo();
  const [sender] = await onBoth(relay);
  const pids = await relayPids(relay);
  relay.kill('SIGKILL');
  // They drain, as they do when they are told to.
  expect(await sender.peer.next('goaway')).toMatchObject({ reason: expect.stringContaining('shutting down') });
  await waitFor(() => pids.every((pid) => !existsSync(`/proc/${pid}`)), {
    what: 'both processes have ended',
    timeoutMs: 30_000,
  });
});

test('a process that is drained by command is started again', async () => {
  const { relay, admin } = await startTwo({ CAUSEWAY_ADMIN_TOKENS: 'operate:act' });
  const before = await relayPids(relay);
  const headers = { authorization: 'Bearer act', connection: 'close' };
  const answer = await fetch(`http://127.0.0.1:${admin}/admin/drain`, { method: 'POST', headers });
  expect(answer.status).toBe(202);
  await untilListening(relay, 3);
  const after = await relayPids(relay);
  expect(after.filter((pid) => before.includes(pid))).toHaveLength(1);
  expect(complaints(relay)).toEqual([]);
});
