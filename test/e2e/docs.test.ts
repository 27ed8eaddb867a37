import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Relay, startRelay } from '../kit/relay.ts';
import { codeBlocks } from './markdown.ts';
import { mustRun, type Running, start } from './run.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = join(ROOT, 'README.md');
const PROTOCOL_README = join(ROOT, 'packages/protocol/README.md');
const DEFAULT_URL = 'ws://127.0.0.1:7070';

let relay: Relay;

beforeAll(async () => {
  relay = await startRelay();
});

afterAll(async () => {
  await relay.stop();
});

/** A line of a shell block, with the repository's own command in place of the one that npx would find there. */
function shell(line: string): Running {
  return start('sh', ['-c', `exec ${line.trim().replace(/^npx /, '')}`], {
    cwd: ROOT,
    env: { CAUSEWAY_URL: relay.url, PATH: [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter) },
  });
}

function runModule(source: string): Promise<string> {
  return mustRun(process.execPath, ['--input-type=module', '--eval', source.replaceAll(DEFAULT_URL, relay.url)], {
    cwd: ROOT,
  });
}

/** Sends one line after another by hand; each has one answer. */
async function converse(lines: readonly string[]): Promise<string[]> {
  const socket = new WebSocket(`${relay.url}/v1`, 'causeway.v1.json');
  await once(socket, 'open');
  const answers: string[] = [];
  for (const line of lines) {
    const answered = once(socket, 'message') as Promise<[Buffer]>;
    socket.send(line);
    answers.push((await answered)[0].toString());
  }
  socket.close();
  return answers;
}

/** A frame in JSON without what is another each time: its numbers and names of nodes. */
function likeness(text: string): unknown {
  return JSON.parse(text, (name, value: unknown) => {
    if (['epoch', 'expiresAt', 'serverTime', 'at'].includes(name)) return typeof value;
    return name === 'node' || name === 'id' ? typeof value : value;
  });
}

const lines = (block = ''): string[] => block.trim().split('\n');

describe('the examples in the README', () => {
  const [listen = '', send = ''] = codeBlocks(README, 'sh');
  const [pasted, answered] = codeBlocks(README, 'json').map(lines);

  it('work from a terminal and from any WebSocket client', async () => {
    const bob = shell(listen);
    try {
      await bob.stderrShows('listening as bob');
      expect(await shell(send).result).toMatchObject({ code: 0, stdout: 'delivered\n' });
      expect((await converse(pasted ?? [])).map(likeness)).toEqual(answered?.map(likeness));
    } finally {
      bob.kill('SIGINT');
    }
    expect(await bob.result).toMatchObject({ code: 130, stdout: 'alice: hello\ncarol: hi from carol\n' });
    expect(await shell(send).result).toMatchObject({ code: 0, stdout: 'queued\n' });
  });

  it('work from a program', async () => {
    const [source = ''] = codeBlocks(README, 'js');
    expect(await runModule(source)).toBe(codeBlocks(README, 'text')[0]);
  });

  it('are all known here', () => {
    const count = (language: string): number => codeBlocks(README, language).length;
    expect([count('sh'), count('json'), count('js'), count('text')]).toEqual([2, 2, 1, 1]);
  });
});

it("the example in the protocol's README prints what it says", async () => {
  const [source = ''] = codeBlocks(PROTOCOL_README, 'js');
  expect(await runModule(source)).toBe(codeBlocks(PROTOCOL_README, 'text')[0]);
});
