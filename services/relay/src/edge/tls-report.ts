import type { Logger } from '@causeway/service-kit';
import type { Counters } from '../core/counters.ts';
import type { KeyPair, KeyPairFiles } from './key-pair.ts';
import type { TlsOptions } from './tls.ts';

/** Options for TLS that log and count what becomes of each pair. */
export function reportedTls(files: KeyPairFiles, { certificateReloads }: Counters, logger: Logger): TlsOptions {
  let isReload = false;
  return {
    files,
    loaded(pair) {
      if (isReload) certificateReloads.ok += 1;
      logPair(pair, isReload, logger);
      isReload = true;
    },
    failed(reason) {
      certificateReloads.failed += 1;
      logger.error({ event: 'certificate_refused', reason }, 'the changed certificate or key cannot be used');
    },
  };
}

function logPair({ subject, notBefore, notAfter }: KeyPair, isReload: boolean, logger: Logger): void {
  const record = {
    event: 'certificate',
    subject,
    notBefore: new Date(notBefore).toISOString(),
    notAfter: new Date(notAfter).toISOString(),
    reloaded: isReload,
  };
  const now = Date.now();
  if (now > notAfter) logger.warn(record, 'the TLS certificate has expired');
  else if (now < notBefore) logger.warn(record, 'the TLS certificate is not valid yet');
  else logger.info(record, isReload ? 'new TLS certificate' : 'TLS certificate');
}
