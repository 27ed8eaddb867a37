import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../test/temporary.ts';
import { readSecret } from './secret.ts';

describe('readSecret', () => {
  it('takes the first line of a file, or the environment', async () => {
    const secretFile = join(temporaryFolder(), 'secret');
    writeFileSync(secretFile, 'correct horse\nand a note\n');
    expect(await readSecret({ secretFile }, { CAUSEWAY_SECRET: 'from the environment' })).toBe('correct horse');
    expect(await readSecret({}, { CAUSEWAY_SECRET: 'from the environment' })).toBe('from the environment');
    expect(await readSecret({ insecure: true }, { CAUSEWAY_SECRET: 'from the environment' })).toBeNull();
  });

  it.each([
    ['none', {}, {}, /a secret is needed that both sides have/],
    ['two ways', { secretFile: 'x', insecure: true }, {}, /is enough/],
    ['a short one', {}, { CAUSEWAY_SECRET: '1234567' }, /fewer than 8/],
    ['no file', { secretFile: '/none' }, {}, /ENOENT/],
  ])('refuses %s', async (_, options, env, message) => {
    await expect(readSecret(options, env)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(message),
    });
  });
});
