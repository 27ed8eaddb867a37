/** All that holds for plain connections holds for TLS. */
import { expect, test } from 'vitest';
import './use-tls.ts';
import './closing.test.ts';
import './codecs.test.ts';
import './http.test.ts';
import './limits.test.ts';
import './listening.test.ts';
import { NO_OPENSSL } from '../../kit/authority.ts';
import { start } from './start.ts';
import { get, transport } from './transport.ts';

test.skipIf(NO_OPENSSL)(`the tests of this file speak TLS${NO_OPENSSL === null ? '' : `: ${NO_OPENSSL}`}`, async () => {
  const { url } = await start();
  expect((await get(url, '/health')).status).toBe(200);
  transport.tls = null;
  await expect(get(url, '/health')).rejects.toMatchObject({ code: 'ECONNRESET' });
});
