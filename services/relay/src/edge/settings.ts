import { z } from 'zod';
import { type AddressRange, parseAddressRange } from './client-address.ts';
import { BadKeyPair, readKeyPair } from './key-pair.ts';
import { parseOrigin } from './origins.ts';

/** The settings of the public port that must fit each other. */
export interface EdgeSettings {
  readonly tlsCertFile: string | null;
  readonly tlsKeyFile: string | null;
  readonly trustedProxies: readonly AddressRange[];
  readonly proxyProtocol: 'off' | 'v2';
}

/** A text that `parseOrigin` reads. */
export const origin = z
  .string()
  .transform((text, context) => {
    const valid = parseOrigin(text);
    if (valid !== null) return valid;
    context.addIssue({ code: 'custom', message: `${JSON.stringify(text)} is no origin` });
    return z.NEVER;
  })
  .describe('`scheme://host` or `scheme://host:port`, where `*.` may stand in front of the host, or `null`');

/** A text that `parseAddressRange` reads. */
export const addressRange = z
  .string()
  .transform((text, context): AddressRange => {
    const valid = parseAddressRange(text);
    if (valid !== null) return valid;
    context.addIssue({ code: 'custom', message: `${JSON.stringify(text)} is no address and no range` });
    return z.NEVER;
  })
  .describe('an address such as `10.0.0.1` or `::1`, or a range such as `10.0.0.0/8`');

/** What each of the settings allows by itself but not together with others, and a key pair that cannot be used. */
export function edgeProblems({ tlsCertFile, tlsKeyFile, trustedProxies, proxyProtocol }: EdgeSettings): string[] {
  const problems = keyPairProblems(tlsCertFile, tlsKeyFile);
  if (proxyProtocol === 'off') return problems;
  if (trustedProxies.length === 0) {
    problems.push(`CAUSEWAY_PROXY_PROTOCOL is ${proxyProtocol} without CAUSEWAY_TRUSTED_PROXIES: nobody may send it`);
  }
  if (tlsCertFile !== null) {
    problems.push(
      `CAUSEWAY_PROXY_PROTOCOL is ${proxyProtocol} and CAUSEWAY_TLS_CERT_FILE is set: a PROXY header in front of TLS cannot be read, so let the proxy end TLS`,
    );
  }
  return problems;
}

function keyPairProblems(certFile: string | null, keyFile: string | null): string[] {
  if (certFile === null && keyFile === null) return [];
  if (certFile === null) return ['CAUSEWAY_TLS_KEY_FILE is set without CAUSEWAY_TLS_CERT_FILE'];
  if (keyFile === null) return ['CAUSEWAY_TLS_CERT_FILE is set without CAUSEWAY_TLS_KEY_FILE'];
  try {
    readKeyPair({ certFile, keyFile });
    return [];
  } catch (error) {
    if (!(error instanceof BadKeyPair)) throw error;
    return [`${error.file === 'certFile' ? 'CAUSEWAY_TLS_CERT_FILE' : 'CAUSEWAY_TLS_KEY_FILE'}: ${error.message}`];
  }
}
