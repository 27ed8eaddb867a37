import type { RelayFrame } from '@causeway/protocol';
import { afterAll, describe, expect, test } from 'vitest';
import { FAKETIME_MISSING, fakeClock } from '../../kit/faketime.ts';
import { connectPeer } from '../../kit/peer.ts';
import { startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { deferred } from '../../kit/wait.ts';
import { AUTH_ENV, mint, seconds } from './fixture.ts';

const SKEW = 30;
/** The token's life is short beside the clocks' differences. */
const LIFE = 5;

const scope = new Scope();
afterAll(() => scope.end());

/** What a relay whose clock is so far ahead says to a token that was issued just now. */
async function answerOf(ahead: number): Promise<string> {
  const env = { ...AUTH_ENV, CAUSEWAY_TOKEN_SKEW_SECONDS: String(SKEW), ...fakeClock(ahead) };
  const relay = scope.keep(await startRelay({ env }));
  const first = deferred<RelayFrame>();
  const onFrame = (frame: RelayFrame): boolean => {
    first.resolve(frame);
    return true;
  };
  const peer = scope.keep(await connectPeer({ url: relay.url, onFrame }));
  const token = await mint('alice', { exp: seconds() + LIFE });
  peer.send({ type: 'hello', v: 1, realm: 'acme' as never, peer: 'alice' as never, auth: { scheme: 'token', token } });
  const frame = await first.promise;
  return frame.type === 'error' ? frame.code : frame.type;
}

describe.skipIf(FAKETIME_MISSING !== null)(FAKETIME_MISSING ?? "relays whose clocks differ from the issuer's", () => {
  test.each([
    [0, 'welcome'],
    [SKEW - 10, 'welcome'],
    [10 - SKEW, 'welcome'],
    [2 * SKEW, 'expired'],
    [-2 * SKEW, 'unauthorized'],
  ])('by %i s: %s', async (ahead, answer) => {
    expect(await answerOf(ahead)).toBe(answer);
  });
});
