import { integer, oneOf, optional, secretFile, text, variable } from '@causeway/service-kit';
import { z } from 'zod';
import { AUTH_POLICIES } from '../core/policy.ts';
import type { AuthConfig } from './create.ts';
import { readKeySet, readSecret, type TokenKey } from './token-keys.ts';

const MINUTE_SECONDS = 60;
const HOUR_SECONDS = 60 * MINUTE_SECONDS;

const webUrl = z
  .string()
  .transform((value, context) => {
    const url = URL.canParse(value) ? new URL(value) : null;
    if (url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url;
    context.addIssue({ code: 'custom', message: 'it is no such URL' });
    return z.NEVER;
  })
  .describe('an `http://` or `https://` URL without user and password');

const keySetFile = secretFile()
  .transform((content, context): readonly TokenKey[] => {
    const { keys, problems } = readKeySet(parseJson(content), true);
    for (const message of problems) context.addIssue({ code: 'custom', message });
    return problems.length > 0 ? z.NEVER : keys;
  })
  .describe('the path of a file that holds a JSON Web Key Set');

const sharedSecretFile = secretFile()
  .transform((content, context): TokenKey => {
    try {
      return readSecret(content);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  })
  .describe('the path of a file that holds at least 32 bytes');

/** Who may come in; a part of the relay's table of variables. */
export const AUTH_VARIABLES = {
  auth: variable({
    name: 'CAUSEWAY_AUTH',
    schema: oneOf(AUTH_POLICIES),
    default: 'open',
    doc: 'Who may take a peer id, in realms of which the [policy](limits.md) says nothing: anyone; only who holds the secret of its live reservation; the holder of a token that names it; the holder of the key that it is. See [authentication](authentication.md).',
  }),
  tokenKeys: variable({
    name: 'CAUSEWAY_TOKEN_KEYS_FILE',
    schema: optional(keySetFile),
    default: '',
    doc: 'Keys that tokens are verified with. The member `realms` of a key limits it to these.',
  }),
  tokenJwksUrl: variable({
    name: 'CAUSEWAY_TOKEN_JWKS_URL',
    schema: optional(webUrl),
    default: '',
    doc: 'Where further public keys are fetched, at the first token, then each 10 minutes, and for a key that is not known, at most each 30 s.',
  }),
  tokenSecret: variable({
    name: 'CAUSEWAY_TOKEN_SECRET_FILE',
    schema: optional(sharedSecretFile),
    default: '',
    doc: 'A secret shared with the issuer of tokens, which signs with HS256, for all realms.',
  }),
  tokenAudience: variable({
    name: 'CAUSEWAY_TOKEN_AUDIENCE',
    schema: optional(text(/^[!-~]{1,256}$/, '1 to 256 characters without blanks')),
    default: '',
    doc: 'What the claim `aud` of a token must name. Empty: it is not looked at.',
  }),
  tokenSkewSeconds: variable({
    name: 'CAUSEWAY_TOKEN_SKEW_SECONDS',
    schema: integer(0, HOUR_SECONDS),
    default: '30',
    doc: "Seconds by which the issuer's clock may be off: a token is good so much before its `nbf` and after its `exp`.",
  }),
  memberCacheSeconds: variable({
    name: 'CAUSEWAY_MEMBER_CACHE_SECONDS',
    schema: integer(0, HOUR_SECONDS),
    default: '300',
    doc: 'Seconds for which a token that was verified is believed without another look at its signature; its end and revocations hold at once. 0: not at all.',
  }),
  admissionUrl: variable({
    name: 'CAUSEWAY_ADMISSION_URL',
    schema: optional(webUrl),
    default: '',
    doc: 'Asked by POST whether a member [may come in](authentication.md#the-admission-hook). Empty: all may.',
  }),
  admissionSecret: variable({
    name: 'CAUSEWAY_ADMISSION_SECRET_FILE',
    schema: optional(secretFile()),
    default: '',
    doc: 'File that holds the bearer token that this URL is asked with.',
  }),
  admissionTimeoutMs: variable({
    name: 'CAUSEWAY_ADMISSION_TIMEOUT_MS',
    schema: integer(10, MINUTE_SECONDS * 1000),
    default: '2000',
    doc: 'Milliseconds that its answer may take.',
  }),
  admissionFailure: variable({
    name: 'CAUSEWAY_ADMISSION_FAILURE',
    schema: oneOf(['open', 'closed']),
    default: 'closed',
    doc: 'What holds without its answer: `open`, all may come in; `closed`, nobody, and clients try again.',
  }),
} as const;

/** What each variable allows by itself but not together with others. */
export function authContradictions(config: Omit<AuthConfig, 'realms'>): string[] {
  const problems: string[] = [];
  const { auth, tokenKeys, tokenJwksUrl, tokenSecret, admissionUrl, admissionSecret } = config;
  if (auth === 'token' && tokenKeys === null && tokenJwksUrl === null && tokenSecret === null) {
    const sources = [AUTH_VARIABLES.tokenKeys, AUTH_VARIABLES.tokenJwksUrl, AUTH_VARIABLES.tokenSecret];
    problems.push(`CAUSEWAY_AUTH is token: it needs keys, from ${sources.map(({ name }) => name).join(' or ')}`);
  }
  if (admissionSecret !== null && admissionUrl === null) {
    problems.push('CAUSEWAY_ADMISSION_SECRET_FILE is set without CAUSEWAY_ADMISSION_URL');
  }
  return problems;
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    // The parser's message shows the text.
    return null;
  }
}
