import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { startRelay } from '../kit/relay.ts';
import { codeBlocks } from './markdown.ts';
import { mustRun } from './run.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = join(ROOT, 'docs/limits.md');

it('the examples of docs/limits.md work as they are', async () => {
  const relay = await startRelay({ env: { CAUSEWAY_ADMIN_TOKENS: 'operate:secret' } });
  try {
    const env = {
      CAUSEWAY_ADMIN_URL: relay.adminUrl,
      CAUSEWAY_ADMIN_TOKEN: 'secret',
      PATH: [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter),
    };
    const [setting = '', worked = '', ...others] = codeBlocks(PAGE, 'sh');
    expect(others).toEqual([]);
    const shown = await mustRun('sh', ['-ec', setting], { cwd: ROOT, env });
    expect(shown).toContain('contract of May');
    await mustRun('sh', ['-ec', worked], { cwd: ROOT, env });
    const answer = await fetch(`${relay.adminUrl}/admin/limits/effective?realm=acme&peer=somebody`, {
      headers: { authorization: 'Bearer secret' },
    });
    expect(await answer.json()).toMatchObject({
      realm: { messages: { perSecond: 3600 }, bytes: { perSecond: 5_000_000 } },
      peer: { messages: { perSecond: 5, burst: 60 }, bytes: { perSecond: 300_000, burst: 2_000_000 } },
      caps: { connections: 12_000, mailboxBytes: 268_435_456 },
    });
  } finally {
    await relay.stop();
  }
});
