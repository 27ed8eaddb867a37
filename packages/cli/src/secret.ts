import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';

export interface SecretOptions {
  /** Ask for it. */
  readonly secret?: boolean;
  readonly secretFile?: string;
  readonly insecure?: boolean;
}

/** Each guess at it costs a connection, and few are let through; a shorter one would be found all the same. */
const MIN_CHARACTERS = 8;

/**
 * The secret that both sides have; null with `--insecure`.
 * @throws Failure where there is none, or more than one
 */
export async function readSecret(
  { secret, secretFile, insecure }: SecretOptions,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | null> {
  const ways = [secret === true, secretFile !== undefined, insecure === true];
  if (ways.filter(Boolean).length > 1) {
    throw new Failure(ExitCode.usage, 'one of --secret, --secret-file and --insecure is enough');
  }
  if (insecure) return null;
  if (secretFile !== undefined) return check(await readFirstLine(secretFile), secretFile);
  if (secret) return check(await askSecret(), 'what was typed');
  if (env.CAUSEWAY_SECRET !== undefined) return check(env.CAUSEWAY_SECRET, 'CAUSEWAY_SECRET');
  throw new Failure(
    ExitCode.usage,
    'a secret is needed that both sides have: --secret asks for it, --secret-file or CAUSEWAY_SECRET gives it. ' +
      'With --insecure there is none, and the relay could read and change what goes through',
  );
}

function check(secret: string, where: string): string {
  if ([...secret].length >= MIN_CHARACTERS) return secret;
  throw new Failure(ExitCode.usage, `the secret in ${where} has fewer than ${MIN_CHARACTERS} characters`);
}

async function readFirstLine(path: string): Promise<string> {
  try {
    const [line = ''] = (await readFile(path, 'utf8')).split(/\r?\n/);
    return line;
  } catch (error) {
    throw new Failure(ExitCode.usage, error instanceof Error ? error.message : String(error));
  }
}

/** Shows nothing of what is typed. */
async function askSecret(): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new Failure(ExitCode.usage, '--secret asks on a terminal, and there is none: use --secret-file');
  }
  process.stderr.write('Secret: ');
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  // Raw mode makes Ctrl-C a character.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return await lines.question('');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
