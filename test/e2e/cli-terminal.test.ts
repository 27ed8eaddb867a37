import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startRelay } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';
import { waitFor } from '../kit/wait.ts';
import { contents, MAIN, temporaryFolder } from './cli-kit.ts';
import { mustRun, run } from './run.ts';

const COLUMNS = 100;
const ROWS = 30;
const hasTmux = (await run('tmux', ['-V']).catch(() => null))?.code === 0;

const scope = new Scope();
afterEach(() => scope.end());

/** A shell on a terminal of its own. */
class Terminal {
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  static async start(socket: string, cwd: string, url: string): Promise<Terminal> {
    const terminal = new Terminal(socket);
    const shell = ['env', `CAUSEWAY_URL=${url}`, 'PS1=$ ', 'bash', '--norc', '--noprofile', '-i'];
    const size = ['-x', String(COLUMNS), '-y', String(ROWS)];
    await terminal.#tmux('-f', '/dev/null', 'new-session', '-d', ...size, '-c', cwd, ...shell);
    await terminal.shows(/^\$/m);
    return terminal;
  }

  /** Resolves with the match when the screen shows it. */
  shows(pattern: RegExp): Promise<RegExpExecArray> {
    return waitFor(async () => pattern.exec(await this.screen()), { what: `it shows ${pattern}`, timeoutMs: 30_000 });
  }

  async screen(): Promise<string> {
    return this.#tmux('capture-pane', '-p');
  }

  async type(text: string): Promise<void> {
    await this.#tmux('send-keys', '-l', text);
    await this.press('Enter');
  }

  async press(key: string): Promise<void> {
    await this.#tmux('send-keys', key);
  }

  async stop(): Promise<void> {
    await this.#tmux('kill-server');
  }

  #tmux(...args: string[]): Promise<string> {
    return mustRun('tmux', ['-S', this.#socket, ...args]);
  }
}

describe.skipIf(!hasTmux)('on a terminal (needs tmux)', () => {
  async function pair() {
    const relay = scope.keep(await startRelay());
    const folder = scope.keep(temporaryFolder()).path;
    mkdirSync(join(folder, 'to'));
    writeFileSync(join(folder, 'a.txt'), 'new');
    writeFileSync(join(folder, 'to/a.txt'), 'old one');
    writeFileSync(join(folder, 'causeway'), `#!/bin/sh\nexec ${process.execPath} ${MAIN} "$@"\n`, { mode: 0o755 });
    const sender = scope.keep(await Terminal.start(join(folder, 'sender'), folder, relay.url));
    const receiver = scope.keep(await Terminal.start(join(folder, 'receiver'), folder, relay.url));
    await sender.type('./causeway send-file a.txt; echo "rc=$?"');
    const [, code] = await sender.shows(/^(\d+(?:-[a-z]+)+)$/m);
    await receiver.type(`./causeway receive --to to ${code}; echo "rc=$?"`);
    await receiver.shows(/Receive\? \[y\/N\]/);
    return { sender, receiver, to: join(folder, 'to') };
  }

  it('the receiver is asked before anything begins and before anything is replaced', async () => {
    const { sender, receiver, to } = await pair();
    expect(await receiver.screen()).toMatch(/offers 1 file, 3 B, for .*\/to:\n {2}a\.txt, 3 B\n/);
    await receiver.type('y');
    await receiver.shows(/a\.txt exists\. \[o\]verwrite, \[r\]ename, \[s\]kip/);
    expect(contents(to)).toEqual({ 'a.txt': 'old one' });
    await receiver.type('o');
    await Promise.all([receiver.shows(/^rc=0$/m), sender.shows(/^rc=0$/m)]);
    expect(contents(to)).toEqual({ 'a.txt': 'new' });
    // No rest of a progress bar, and each line once.
    const lines = (await sender.screen()).trim().split('\n');
    expect(lines.slice(-4, -2)).toEqual(['causeway: sent a.txt, 3 B', 'causeway: done: 1 file, 3 B']);
  });

  it('Ctrl-C at the question ends both, and gives the terminal back', async () => {
    const { sender, receiver, to } = await pair();
    await receiver.press('C-c');
    await receiver.shows(/^causeway: cancelled\n(?:.*\n)*rc=130$/m);
    await sender.shows(/^causeway: the other side: cancelled\nrc=1$/m);
    expect(contents(to)).toEqual({ 'a.txt': 'old one' });
    await receiver.type('stty -a | grep -ow "echo\\|icanon"');
    await receiver.shows(/^icanon\necho$/m);
  });
});
