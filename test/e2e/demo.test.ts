import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { startChild } from '../kit/child.ts';
import { isPortFree } from '../kit/ports.ts';
import { deferred, within } from '../kit/wait.ts';
import { run } from './run.ts';

const DEMO = fileURLToPath(new URL('../../scripts/demo.ts', import.meta.url));

/** Cells of the lines that tell about messages: who, what, outcome, times. */
function told(stdout: string): string[][] {
  const rows = stdout.split('\n').filter((line) => /^ {2}\w+ -> \w+ /.test(line));
  return rows.map((line) => line.trim().split(/ {2,}/));
}

/** Who carried what: for each node its numbers, in the order of the columns. */
function accounts(stdout: string): number[][] {
  const rows = stdout.split('\n').filter((line) => /^node \d( +\d+){4}$/.test(line));
  return rows.map((line) => line.split(/ +/).slice(2).map(Number));
}

describe('npm run demo', () => {
  it('shows messages across nodes, stored ones, and who carried them', async () => {
    const { code, stdout } = await run(process.execPath, [DEMO]);
    expect(code, stdout).toBe(0);
    expect(stdout.split('\n').length).toBeLessThan(40);
    expect(told(stdout).map(([who, what, outcome]) => [who, what, outcome])).toEqual([
      ['alice -> bob', 'hello', 'delivered'],
      ['bob -> alice', 'hello yourself', 'delivered'],
      ['alice -> bob', '100 messages at once', '100 delivered'],
      ['alice -> bob', 'are you there?', 'queued'],
      ['alice -> bob', 'call me back', 'queued'],
      ['alice -> bob', 'it is urgent', 'queued'],
      ['alice -> bob', 'are you there?', 'from the mailbox'],
      ['alice -> bob', 'call me back', 'from the mailbox'],
      ['alice -> bob', 'it is urgent', 'from the mailbox'],
      ['alice -> bob', 'welcome back', 'delivered'],
    ]);
    expect(stdout).toMatch(/^alice is on node 1 \(n\w+\), bob on node 2 \(n\w+\)$/m);
    expect(stdout).toMatch(/^bob is back, on node 3 \(n\w+\), where 3 messages wait for him$/m);
    expect(stdout).toMatch(/^Stopped\.$/m);

    const nodes = accounts(stdout);
    const sum = (column: number): number => nodes.reduce((total, row) => total + (row[column] ?? 0), 0);
    expect(nodes).toHaveLength(3);
    expect({ local: sum(0), stored: sum(2), delivered: nodes.map((row) => row[3]) }).toEqual({
      local: 0,
      stored: 3,
      delivered: [0, 0, 3],
    });
    // Messages to Bob left node 1, Bob's answer node 2; those for Bob that came too late for him may be counted as well.
    expect(nodes[0]?.[1]).toBeGreaterThanOrEqual(102);
    expect(nodes[1]?.[1]).toBe(1);
  });

  it.each([/^Starting/, /^alice is on/])('ends by Ctrl-C after %s and takes its relays along', async (moment) => {
    const shown = deferred<void>();
    const lines: string[] = [];
    const demo = startChild(process.execPath, [DEMO], {
      onLine(line) {
        lines.push(line);
        if (moment.test(line)) shown.resolve();
      },
    });
    await within(shown.promise, 60_000, () => String(moment));
    demo.kill('SIGINT');
    expect(await demo.exited).toBe(130);
    await demo.silent;
    expect(lines.at(-1)).toBe('Stopped.');
    const ports = [...lines.join('\n').matchAll(/ws:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
    expect(await Promise.all(ports.map(isPortFree))).toEqual(ports.map(() => true));
  });
});
