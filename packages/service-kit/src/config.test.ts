import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig, renderConfigRows, variable } from './config.ts';
import { integer, list, oneOf, optional, secretFile, text } from './schemas.ts';

const TABLE = {
  port: variable({ name: 'APP_PORT', schema: integer(1, 9999), default: '80', doc: 'The port.' }),
  mode: variable({ name: 'APP_MODE', schema: oneOf(['slow', 'fast']), default: 'slow', doc: 'How fast.' }),
  url: variable({
    name: 'APP_URL',
    schema: optional(text(/^http:/, 'a URL')),
    default: '',
    doc: 'Where.',
    secret: true,
  }),
  sizes: variable({ name: 'APP_SIZES', schema: list(integer(1, 5)), default: '', doc: 'Sizes.' }),
  password: variable({ name: 'APP_PASSWORD_FILE', schema: optional(secretFile()), default: '', doc: 'Secret.' }),
  cores: variable({
    name: 'APP_CORES',
    schema: integer(1, 64),
    default: { doc: 'as the machine has', compute: () => '2' },
    doc: 'Cores.',
  }),
};

function load(env: Record<string, string>) {
  return loadConfig(TABLE, env, { prefix: 'APP_', ignored: ['APP_CLIENT'] });
}

function problems(env: Record<string, string>): readonly string[] {
  const loaded = load(env);
  return loaded.ok ? [] : loaded.problems;
}

test('defaults stand for what is missing or empty', () => {
  const expected = { port: 80, mode: 'slow', url: null, sizes: [], password: null, cores: 2 };
  expect(load({})).toEqual({ ok: true, config: expected });
  expect(load({ APP_PORT: '', APP_CLIENT: 'x', OTHER: 'y' })).toEqual({ ok: true, config: expected });
});

test('values are read by their schema', () => {
  const loaded = load({ APP_PORT: '8080', APP_MODE: 'fast', APP_URL: 'http://x', APP_SIZES: ' 1, 2,,5 ' });
  expect(loaded).toMatchObject({ ok: true, config: { port: 8080, mode: 'fast', url: 'http://x', sizes: [1, 2, 5] } });
});

test('every problem is named at once, with what is allowed', () => {
  expect(problems({ APP_PORT: '0', APP_MODE: 'quick', APP_SIZES: '1,9', APP_PROT: '1', APP_XYZZY: '' })).toEqual([
    'APP_PROT is unknown, did you mean APP_PORT?',
    'APP_XYZZY is unknown',
    'APP_PORT is "0", allowed is an integer from 1 to 9999',
    'APP_MODE is "quick", allowed is slow, fast',
    'APP_SIZES is "1,9", allowed is empty or a comma-separated list, each an integer from 1 to 5',
  ]);
});

test.each(['', ' 1', '+1', '-1', '1.0', '1e2', '0x10', 'NaN', '10000', '99999999999999999999', '١'])(
  'integer refuses %j',
  (value) => {
    expect(integer(1, 9999).safeParse(value).success).toBe(false);
  },
);

test('a secret is not shown', () => {
  expect(problems({ APP_URL: 'redis://:hunter2@host' })).toEqual([
    'APP_URL is (its value is not shown), allowed is empty or a URL',
  ]);
});

test('a secret is read from its file, without the line end', () => {
  const directory = mkdtempSync(join(tmpdir(), 'service-kit-'));
  try {
    const file = join(directory, 'password');
    writeFileSync(file, 'hunter2 \n');
    expect(load({ APP_PASSWORD_FILE: file })).toMatchObject({ ok: true, config: { password: 'hunter2 ' } });
    writeFileSync(file, '\n');
    expect(problems({ APP_PASSWORD_FILE: file })).toEqual([expect.stringContaining('the file is empty')]);
    const [problem] = problems({ APP_PASSWORD_FILE: join(directory, 'missing') });
    expect(problem).toContain('allowed is empty or the path of a readable file');
    expect(problem).toContain('ENOENT');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('the page has a row for each variable', () => {
  expect(renderConfigRows(TABLE).split('\n').slice(2)).toEqual([
    '| `APP_PORT` | `80` | an integer from 1 to 9999 | The port. |',
    '| `APP_MODE` | `slow` | slow, fast | How fast. |',
    '| `APP_URL` | empty | empty or a URL | Where. |',
    '| `APP_SIZES` | empty | empty or a comma-separated list, each an integer from 1 to 5 | Sizes. |',
    '| `APP_PASSWORD_FILE` | empty | empty or the path of a readable file | Secret. |',
    '| `APP_CORES` | as the machine has | an integer from 1 to 64 | Cores. |',
  ]);
});
