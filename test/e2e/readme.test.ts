import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Relay, startRelay } from '../kit/relay.ts';
import { codeBlocks } from './markdown.ts';
import { mustRun } from './run.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CLIENT_BLOCKS = codeBlocks(join(ROOT, 'packages/client/README.md'), 'js');
const CLI_README = join(ROOT, 'packages/cli/README.md');

/** What each block of the client's README must print, among other things. */
const CLIENT_OUTPUT = [
  'alice: hello',
  'keeping precious\ndelivered',
  'carol is offline',
  'received a file of any size',
  "echo: hello there\n{ kind: 'done' }",
  'the same peer: true',
  'now stopped',
  'offline true',
];

const TUNNEL_BLOCKS = codeBlocks(join(ROOT, 'docs/tunnels.md'), 'js');

/** What each block of docs/tunnels.md must print, among other things. */
const TUNNEL_OUTPUT = [
  'the photos\nnobody is between us: true',
  "declined\nhello, echo\n{ kind: 'done' }",
  'a file that takes two tunnels',
];

let relay: Relay;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'causeway-readme-'));
  const policy = join(folder, 'policy.json');
  writeFileSync(policy, JSON.stringify({ realms: { keys: { auth: 'key' } } }));
  relay = await startRelay({ env: { CAUSEWAY_POLICY_FILE: policy } });
  symlinkSync(join(ROOT, 'packages/cli/src/main.ts'), join(folder, 'causeway'));
});

afterAll(async () => {
  await relay.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.each([
  ["the client's README", CLIENT_BLOCKS, CLIENT_OUTPUT],
  ['docs/tunnels.md', TUNNEL_BLOCKS, TUNNEL_OUTPUT],
] as const)('the examples in %s', (_, blocks, outputs) => {
  it('are all known here', () => {
    expect(blocks).toHaveLength(outputs.length);
  });

  it.each(outputs.map((output, index) => [output, index] as const))('print %j', async (output, index) => {
    const source = (blocks[index] ?? '').replaceAll('ws://127.0.0.1:7070', relay.url);
    const stdout = await mustRun(process.execPath, ['--input-type=module', '--eval', source], { cwd: ROOT });
    expect(stdout).toContain(output);
  });
});

describe("the examples in the command's README", () => {
  const [basics = '', scripting = '', files = '', pipe = ''] = codeBlocks(CLI_README, 'sh');
  const [printed, transferred, piped] = codeBlocks(CLI_README, 'text');
  const sh = (script: string): Promise<string> =>
    mustRun('sh', ['-e', '-c', script], {
      cwd: folder,
      env: {
        CAUSEWAY_URL: relay.url,
        PATH: [folder, join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter),
      },
    });

  it('print what it says', async () => {
    expect(await sh(basics)).toBe(printed);
  });

  it('serve scripts', async () => {
    const lines = (await sh(scripting)).trim().split('\n');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      to: 'carol',
      status: expect.stringMatching(/delivered|queued/),
    });
    expect(lines.slice(1)).toEqual(['nobody offline', 'offline, exit code 1', 'refused, exit code 1']);
  });

  it('bring a file, and the output of a program', async () => {
    expect(await sh(files)).toBe(transferred);
    expect(await sh(pipe)).toBe(piped);
  });
});
