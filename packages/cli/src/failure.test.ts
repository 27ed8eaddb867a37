import { ConnectionError, RefusedError, SecurityError, SendError, TunnelError, UsageError } from '@causeway/client';
import { describe, expect, it } from 'vitest';
import { failureOf } from './failure.ts';
import { relayEnv } from './start.ts';
import { TransferError } from './transfer/errors.ts';

describe('failureOf', () => {
  it.each([
    [1, new RefusedError('offline', 1, 'bob', 'away')],
    [2, new UsageError('bad_peer', 'no peer')],
    [69, new ConnectionError('aborted', 'too late', true, null)],
    [75, new SendError('timeout', 'too late', 1)],
    [75, new SendError('outcome_unknown', 'too late', 1)],
    [1, new TunnelError('no_room', 'no such room')],
    [1, new TunnelError('peer_offline', 'away')],
    [75, new TunnelError('unavailable', 'no store')],
    [77, new TunnelError('forbidden', 'not you')],
    [1, new SecurityError('wrong_code', 'other words')],
    [1, new TransferError('declined', 'no')],
    [1, new TransferError('no_space', 'full over there', true)],
    [74, new TransferError('no_space', 'full')],
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

  it('shows nothing of what the other end says that a terminal would act on', () => {
    const { message } = failureOf(new TransferError('declined', 'no\u001b[2J', true));
    expect(message).toBe('no\\u001b[2J');
  });

  it('does not hide a defect', () => {
    const defect = new TypeError('x is not a function');
    expect(() => failureOf(defect)).toThrow(defect);
  });
});

describe('relayEnv', () => {
  it('passes everything on but the variables of the command itself', () => {
    const own = {
      CAUSEWAY_URL: 'ws://x',
      CAUSEWAY_SECRET: 'secret',
      CAUSEWAY_ADMIN_URL: 'http://x',
      CAUSEWAY_ADMIN_TOKEN: 'secret',
    };
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
