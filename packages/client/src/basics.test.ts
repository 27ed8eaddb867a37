import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { backoffMs } from './backoff.ts';
import { currentTraceparent, nextHello } from './hello.ts';
import { IdClock } from './ids.ts';
import { type ClientOptions, readOptions } from './options.ts';
import { VERSION } from './version.ts';

describe('backoffMs', () => {
  it('doubles its ceiling up to the maximum, with full jitter', () => {
    const bounds = { minMs: 1000, maxMs: 60_000 };
    const ceilings = [0, 1, 2, 5, 6, 7, 5000].map((failures) => backoffMs(bounds, failures, () => 1));
    expect(ceilings).toEqual([1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000]);
    expect(backoffMs(bounds, 3, () => 0)).toBe(0);
    expect(backoffMs(bounds, 3, () => 0.25)).toBe(2000);
  });
});

describe('IdClock', () => {
  it('counts microseconds up, past the later of both clocks, also when its own goes back', () => {
    let now = 1000;
    const ids = new IdClock(() => now);
    expect([ids.next(), ids.next()]).toEqual([1_000_000, 1_000_001]);
    now = 900;
    expect(ids.next()).toBe(1_000_002);
    ids.atLeast(2000);
    expect(ids.next()).toBe(2_000_001);
    ids.atLeast(1500);
    expect(ids.next()).toBe(2_000_002);
    now = 3000;
    expect(ids.next()).toBe(3_000_000);
  });
});

describe('nextHello', () => {
  it('grows `attempt` with each connection, also over a restart and with a clock that goes back', () => {
    const { realm } = readOptions({ url: 'ws://relay.example' });
    const identity = { realm, peer: undefined, resume: new Uint8Array(32), attempt: 0 };
    expect([5000, 5000, 4000].map((now) => nextHello(identity, { scheme: 'none' }, now).attempt)).toEqual([
      5000, 5001, 5002,
    ]);
    expect(nextHello({ ...identity, attempt: 0 }, { scheme: 'none' }, 6000).attempt).toBe(6000);
  });
});

describe('traceparent', () => {
  const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const warnings: string[] = [];
  const ignore = () => undefined;
  const logger = { debug: ignore, info: ignore, warn: (message: string) => warnings.push(message), error: ignore };
  const helloWith = (traceparent: ClientOptions['traceparent']) => {
    const settings = readOptions({ url: 'ws://relay.example', logger, ...(traceparent && { traceparent }) });
    const identity = { realm: settings.realm, peer: undefined, resume: new Uint8Array(32), attempt: 0 };
    return nextHello(identity, { scheme: 'none' }, 1, currentTraceparent(settings));
  };

  it('goes into HELLO as it is, or as the function gives it now', () => {
    expect(helloWith(TRACEPARENT).traceparent).toBe(TRACEPARENT);
    expect(helloWith(() => TRACEPARENT).traceparent).toBe(TRACEPARENT);
  });

  it('is left out where there is none, also when the function fails', () => {
    const fails = () => {
      throw new Error('broken');
    };
    for (const none of [undefined, () => undefined, fails]) expect(helloWith(none)).not.toHaveProperty('traceparent');
    expect(warnings).toEqual(['no traceparent']);
  });
});

describe('readOptions', () => {
  it.each([
    ['realm', { realm: 'No Capitals' }, 'bad_option'],
    ['peer', { peer: 'a\u0000b' }, 'bad_peer'],
    ['resume', { resume: new Uint8Array(31) }, 'bad_option'],
    ['backoff', { backoff: { minMs: 10, maxMs: 5 } }, 'bad_option'],
    ['connectTimeoutMs', { connectTimeoutMs: 0 }, 'bad_option'],
    ['maxAttempts', { maxAttempts: Number.NaN }, 'bad_option'],
  ])('refuses a bad %s and names it', (name, options, code) => {
    expect(() => readOptions({ url: 'ws://relay.example', ...options })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(name) }),
    );
  });
});

describe('VERSION', () => {
  it('is that of the package', () => {
    const manifest: { version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    expect(VERSION).toBe(manifest.version);
  });
});
