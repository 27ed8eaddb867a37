import { readFile } from 'node:fs/promises';
import { ExitCode } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { print } from '../output.ts';
import { visible } from '../table.ts';

/** The options that all commands have that use the admin API. */
export interface AdminOptions {
  readonly url: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
  /** Milliseconds for one request. */
  readonly timeout: number;
}

/** What the API has answered, parsed and as it came. */
export interface Answer<Body> {
  readonly body: Body;
  readonly text: string;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

interface ErrorBody {
  readonly error: string;
  readonly code: string;
  readonly problems?: readonly { readonly path: string; readonly message: string }[];
}

/** The API has refused. */
export class ApiError extends Failure {
  readonly code: string;

  constructor(status: number, body: ErrorBody) {
    super(body.code === 'admin_api_off' ? ExitCode.denied : exitCodeOf(status), textOf(body));
    this.code = body.code;
  }
}

const HINTS: Readonly<Record<string, string>> = {
  unauthorized:
    'Name a token by --token-file, CAUSEWAY_ADMIN_TOKEN_FILE or CAUSEWAY_ADMIN_TOKEN: what stands behind "role:" in the relay\'s CAUSEWAY_ADMIN_TOKENS.',
  forbidden: 'The roles are read, operate and admin; each may do what those before it may.',
  unavailable: 'See whether a change was made after all, and try again when the relay has its Redis back.',
};

function textOf({ error, code, problems = [] }: ErrorBody): string {
  // The sentence tells all problems, too, behind its first colon.
  const sentence = problems.length > 0 ? `${error.split(': ', 1)[0]}:` : error;
  const lines = [
    sentence,
    ...problems.map(({ path, message }) => (path === '' ? `  ${message}` : `  ${path}: ${message}`)),
  ];
  return [...lines, HINTS[code] ?? '']
    .filter((line) => line !== '')
    .map(visible)
    .join('\n');
}

function exitCodeOf(status: number): number {
  if (status === 400 || status === 413) return ExitCode.usage;
  if (status === 401 || status === 403) return ExitCode.denied;
  return status >= 500 ? ExitCode.temporary : ExitCode.refused;
}

/** Speaks to the admin port of one relay. */
export class AdminClient {
  private readonly base: URL;
  private readonly token: string;
  private readonly timeoutMs: number;

  constructor(base: URL, token: string, timeoutMs: number) {
    this.base = base;
    this.token = token;
    this.timeoutMs = timeoutMs;
  }

  /** Name and port of the relay that is asked. */
  get host(): string {
    return this.base.host;
  }

  get<Body>(path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<Answer<Body>> {
    const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const search = new URLSearchParams(given).toString();
    return this.ask('GET', search === '' ? path : `${path}?${search}`);
  }

  post<Body>(path: string, body: object = {}): Promise<Answer<Body>> {
    return this.ask('POST', path, body);
  }

  put<Body>(path: string, body: object): Promise<Answer<Body>> {
    return this.ask('PUT', path, body);
  }

  delete<Body>(path: string): Promise<Answer<Body>> {
    return this.ask('DELETE', path);
  }

  /** @throws ApiError when the API refuses, Failure when there is none */
  async ask<Body>(method: Method, path: string, body?: object): Promise<Answer<Body>> {
    const { status, text, isCsv } = await this.fetch(method, path, body);
    const parsed = isCsv ? text : parseObject(text);
    if (parsed === null) throw new Failure(ExitCode.unreachable, `${this.base.href} answered ${status}: ${NO_API}`);
    if (status >= 400) throw new ApiError(status, parsed as ErrorBody);
    return { body: parsed as Body, text };
  }

  private async fetch(method: Method, path: string, body?: object) {
    const url = `${this.base.href.replace(/\/$/, '')}${path}`;
    try {
      const response = await fetch(url, {
        method,
        headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(this.timeoutMs),
      });
      const isCsv = /^text\/csv\b/.test(response.headers.get('content-type') ?? '');
      return { status: response.status, text: await response.text(), isCsv };
    } catch (error) {
      throw noAnswer(this.base, error);
    }
  }
}

const NO_API = 'this is not the admin port of a relay (7071 by default). --url or CAUSEWAY_ADMIN_URL names another.';

function noAnswer(base: URL, error: unknown): Failure {
  if (!(error instanceof Error)) return new Failure(ExitCode.unreachable, String(error));
  if (error.name === 'TimeoutError') return new Failure(ExitCode.temporary, `${base.href} did not answer in time`);
  // Of several addresses, the error has a code and no message.
  const { message, code }: NodeJS.ErrnoException = error.cause instanceof Error ? error.cause : error;
  const reason = message || code;
  const hint = 'Does a relay run there? --url or CAUSEWAY_ADMIN_URL names the admin port of another.';
  return new Failure(ExitCode.unreachable, `${base.href} cannot be reached: ${reason}\n${hint}`);
}

function parseObject(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** @throws Failure for a URL or a token that cannot be used */
export async function openAdmin({ url, timeout, ...options }: AdminOptions): Promise<AdminClient> {
  const base = URL.canParse(url) ? new URL(url) : null;
  if (base === null || !/^https?:$/.test(base.protocol)) {
    throw new Failure(
      ExitCode.usage,
      `${JSON.stringify(url)} is no URL of an admin port, such as http://127.0.0.1:7071`,
    );
  }
  const token = await readToken(options, process.env);
  if (token === null) {
    throw new Failure(
      ExitCode.usage,
      'an admin token is needed: --token-file, CAUSEWAY_ADMIN_TOKEN_FILE or CAUSEWAY_ADMIN_TOKEN',
    );
  }
  if (!/^[!-~]+$/.test(token)) throw new Failure(ExitCode.usage, 'the token has blanks or characters beyond ASCII');
  return new AdminClient(base, token, timeout);
}

/** An option goes before a variable, and the token itself before a file. */
export async function readToken(
  { token, tokenFile }: Pick<AdminOptions, 'token' | 'tokenFile'>,
  env: NodeJS.ProcessEnv,
): Promise<string | null> {
  if (token !== undefined) return token;
  if (tokenFile !== undefined) return readSecret(tokenFile);
  if (env.CAUSEWAY_ADMIN_TOKEN) return env.CAUSEWAY_ADMIN_TOKEN;
  return env.CAUSEWAY_ADMIN_TOKEN_FILE ? readSecret(env.CAUSEWAY_ADMIN_TOKEN_FILE) : null;
}

/** What a file holds, without the end of its last line. */
export async function readSecret(path: string): Promise<string> {
  try {
    const secret = (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
    if (secret !== '') return secret;
  } catch (error) {
    throw new Failure(ExitCode.usage, error instanceof Error ? error.message : String(error));
  }
  throw new Failure(ExitCode.usage, `${path} is empty`);
}

/** A name as one segment of a path. @throws Failure for those that a URL does not carry */
export function segment(name: string): string {
  if (!/^\.\.?$/.test(name)) return encodeURIComponent(name);
  throw new Failure(ExitCode.usage, `${JSON.stringify(name)} cannot be named here: in a URL it has another meaning`);
}

/** Prints the answer: as it came, or as a person reads it. */
export async function show<Body>(
  { json }: Pick<AdminOptions, 'json'>,
  { text, body }: Answer<Body>,
  render: (body: Body) => string,
): Promise<number> {
  await print(json ? text.trimEnd() : render(body));
  return ExitCode.ok;
}
