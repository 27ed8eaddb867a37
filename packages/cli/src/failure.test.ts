import { ConnectionError, RefusedError, SendError, UsageError } from '@causeway/client';
import { describe, expect, it } from 'vitest';
import { failureOf } from './failure.ts';
import { relayEnv } from './start.ts';

describe('failureOf', () => {
  it.each([
    [1, new RefusedError('offline', 1, 'bob', 'away')],
    [2, new UsageError('bad_peer', 'no peer')],
    [69, new ConnectionError('aborted', 'too late', true, null)],
    [75, new SendError('timeout', 'too late', 1)],
    [75, new SendError('outcome_unknown', 'too late', 1)],
    [77, new ConnectionError('forbidden', 'not you', false, 4403)],
  ])('ends with %i for %s', (exitCode, error) => {
    expect(failureOf(error)).toMatchObject({ exitCode, message: error.message });
  });

  it('says what to do when there is no relay', () => {
    const { exitCode, message } = failureOf(new ConnectionError('unreachable', 'nobody there', true, null));
    expect(exitCode).toBe(69);
    expect(message).toMatch(/^nobody there\n.*`causeway start`.*--url/);
  });

  it('says what to do when the token has ended', () => {
    const { exitCode, message } = failureOf(new ConnectionError('unreachable', 'the token has ended', true, 4003));
    expect(exitCode).toBe(77);
    expect(message).toMatch(/^the token has ended\n.*--token-file/);
  });

  it('does not hide a defect', () => {
    const defect = new TypeError('x is not a function');
    expect(() => failureOf(defect)).toThrow(defect);
  });
});

describe('relayEnv', () => {
  it('passes everything on but the variables of the command itself', () => {
    const own = { CAUSEWAY_URL: 'ws://x', CAUSEWAY_ADMIN_URL: 'http://x', CAUSEWAY_ADMIN_TOKEN: 'secret' };
    const env = { ...own, PATH: '/bin', CAUSEWAY_REGION: 'eu' };
    expect(relayEnv(env, { port: '7080', redis: 'redis://r' })).toEqual({
      PATH: '/bin',
      CAUSEWAY_REGION: 'eu',
      CAUSEWAY_PORT: '7080',
      CAUSEWAY_REDIS_URL: 'redis://r',
    });
    expect(relayEnv(env, {})).toEqual({ PATH: '/bin', CAUSEWAY_REGION: 'eu' });
  });
});
