import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startRedis } from '../kit/redis.ts';
import type { RedisDeployment } from '../kit/redis-deployment.ts';
import { type Relay, startCluster } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { Causeway, noise, records, temporaryFolder } from './cli-kit.ts';
import type { Running } from './run.ts';

const MIB = 1024 * 1024;
const BYTES = 64 * MIB;
/** What may be sent in all, as a multiple of the file. */
const MAX_SENT = 1.05;

let redis: RedisDeployment;
let folder: string;
let big: string;
const scope = new Scope();
const lasting = new Scope();

beforeAll(async () => {
  redis = lasting.keep(await startRedis());
  big = join(lasting.keep(temporaryFolder()).path, 'big.bin');
  writeFileSync(big, noise(BYTES));
});
afterAll(() => lasting.end());
beforeEach(() => {
  folder = scope.keep(temporaryFolder()).path;
});
afterEach(() => scope.end());

async function startRelays(): Promise<readonly [Relay, Relay]> {
  const env = { CAUSEWAY_DRAIN_SECONDS: '2' };
  const { relays } = scope.keep(await startCluster({ relays: 2, redis, env }));
  return relays as unknown as readonly [Relay, Relay];
}

interface Transfer {
  readonly sender: Running;
  readonly receiver: Running;
  /** Lets the receiver's output go on, which has taken little so far. */
  readonly release: () => void;
  readonly out: string;
}

/**
 * A transfer that has begun and cannot end: nobody reads more of the receiver's output until it is released.
 * @param first the relays of the sender, in the order in which it tries them; the receiver has them in the other order
 */
async function begin(first: readonly string[]): Promise<Transfer> {
  const senders = scope.keep(new Causeway(...first));
  const receivers = scope.keep(new Causeway(...[...first].reverse()));
  const { sender, code } = await senders.send(['--json', big]);
  const [gate, out] = [join(folder, 'gate'), join(folder, 'out')];
  const receive = ['receive', '--json', '--yes', '--to', '-', code];
  const wait = `until [ -e ${gate} ] || [ ! -d ${folder} ]; do sleep 0.05; done`;
  const receiver = receivers.script(`"$@" | { head -c ${MIB} > ${out}; ${wait}; cat >> ${out}; }`, receive);
  await sender.stdoutShows(/"type":"progress"/);
  return { sender, receiver, release: () => writeFileSync(gate, ''), out };
}

async function expectWhole({ sender, receiver, out }: Transfer): Promise<void> {
  const [sent, received] = await Promise.all([sender.result, receiver.result]);
  expect([sent.code, received.code]).toEqual([0, 0]);
  expect(readFileSync(out).equals(noise(BYTES))).toBe(true);
  const done = records(sent.stdout).at(-1);
  expect(done).toMatchObject({ type: 'done', files: 1, bytes: BYTES });
  expect(done?.sent).toBeGreaterThanOrEqual(BYTES);
  expect(done?.sent).toBeLessThanOrEqual(BYTES * MAX_SENT);
}

describe('a transfer between machines at two relays', () => {
  it('brings a file', async () => {
    const [one, other] = await startRelays();
    const transfer = await begin([one.url, other.url]);
    transfer.release();
    await expectWhole(transfer);
    expect(records((await transfer.sender.result).stdout).filter(({ type }) => type === 'lost')).toEqual([]);
  });

  it.each(['sender', 'receiver'] as const)("goes on when the %s's relay is killed", async (whose) => {
    const [one, other] = await startRelays();
    const transfer = await begin([one.url, other.url]);
    const killed = whose === 'sender' ? one : other;
    killed.kill('SIGKILL');
    await killed.exited;
    transfer.release();
    await expectWhole(transfer);
    const kinds = records((await transfer.sender.result).stdout).map(({ type }) => type);
    expect(kinds.filter((kind) => kind === 'lost' || kind === 'resumed')).toEqual(['lost', 'resumed']);
  });

  it('goes on when a relay drains', async () => {
    const [one, other] = await startRelays();
    const transfer = await begin([one.url, other.url]);
    expect(await one.stop()).toBe(0);
    await transfer.sender.stdoutShows(/"type":"lost"/);
    transfer.release();
    await expectWhole(transfer);
  });
});

describe('a transfer of several files', () => {
  it('does not send again what has arrived before its relay was killed', async () => {
    const [one, other] = await startRelays();
    const senders = scope.keep(new Causeway(one.url, other.url));
    const receivers = scope.keep(new Causeway(other.url, one.url));
    writeFileSync(join(folder, 'first'), noise(4 * MIB, 2));
    const paths = [join(folder, 'first'), '--name', 'second', '-'];
    const { sender, code } = await senders.send(['--json', ...paths], { stdin: { open: true } });
    const to = scope.keep(temporaryFolder()).path;
    const receiver = receivers.start(['receive', '--json', '--yes', '--to', to, code]);
    sender.stdin.write(noise(MIB, 3));
    await sender.stdoutShows(/"path":"first"/);
    one.kill('SIGKILL');
    await sender.stdoutShows(/"type":"resumed"/);
    sender.stdin.end(noise(MIB, 4));
    expect(await receiver.result).toMatchObject({ code: 0 });
    const { code: exitCode, stdout } = await sender.result;
    expect([exitCode, records(stdout).at(-1)]).toEqual([
      0,
      { type: 'done', files: 2, bytes: 6 * MIB, sent: expect.any(Number) },
    ]);
    expect(records(stdout).at(-1)?.sent).toBeLessThan(8 * MIB);
    expect(readFileSync(join(to, 'first')).equals(noise(4 * MIB, 2))).toBe(true);
    expect(readFileSync(join(to, 'second')).equals(Buffer.concat([noise(MIB, 3), noise(MIB, 4)]))).toBe(true);
  });
});
