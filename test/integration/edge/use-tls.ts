/** To be imported before the tests that are to use it. */
import { afterAll } from 'vitest';
import { Authority, NO_OPENSSL } from '../../kit/authority.ts';
import { transport } from './transport.ts';

if (NO_OPENSSL === null) {
  const authority = new Authority();
  transport.tls = { files: authority.files('edge', authority.issue('edge')), ca: authority.ca };
  afterAll(() => authority.stop());
}
