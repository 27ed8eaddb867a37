/** When a relay takes up the files of its certificate, look by look. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { TlsApps } from '../../../services/relay/src/edge/tls.ts';
import { Authority, type IssuedPair, NO_OPENSSL } from '../../kit/authority.ts';

const LOOK_MS = 1000;

describe.skipIf(NO_OPENSSL)(`looks${NO_OPENSSL === null ? '' : `: ${NO_OPENSSL}`}`, () => {
  let authority: Authority;
  let [first, second]: IssuedPair[] = [];
  let apps: TlsApps;
  let told: string[];
  let equipped: number;
  beforeAll(() => {
    authority = new Authority();
    [first, second] = ['first', 'second'].map((name) => authority.issue(name));
  });
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    told = [];
    equipped = 0;
    write(first);
    const files = { certFile: path('crt'), keyFile: path('key') };
    const options = {
      files,
      loaded: ({ subject }: { subject: string }) => told.push(subject),
      failed: (reason: string) => told.push(reason.replaceAll(authority.folder, '')),
    };
    apps = new TlsApps(options, () => {
      equipped += 1;
    });
    expect(told.splice(0)).toEqual(['CN=first']);
  });
  afterEach(() => {
    apps.close();
    vi.useRealTimers();
  });
  afterAll(() => authority.stop());

  const path = (extension: string) => join(authority.folder, `looked-at.${extension}`);
  function write(pair: Partial<IssuedPair> | undefined): void {
    if (pair?.cert !== undefined) writeFileSync(path('crt'), pair.cert);
    if (pair?.key !== undefined) writeFileSync(path('key'), pair.key);
  }
  /** What is told at this many looks. */
  function look(times = 1): string[] {
    vi.advanceTimersByTime(times * LOOK_MS);
    return told.splice(0);
  }

  test('nothing has changed', () => {
    expect(look(5)).toEqual([]);
    write(first);
    expect(look(5)).toEqual([]);
    expect(equipped).toBe(1);
  });

  test('a new pair is taken at the first look, once', () => {
    write(second);
    expect(look()).toEqual(['CN=second']);
    expect(look(5)).toEqual([]);
    expect(equipped).toBe(2);
  });

  test('a look between the change of the one file and of the other tells nothing', () => {
    write({ cert: second?.cert ?? '' });
    expect(look()).toEqual([]);
    write(second);
    expect(look()).toEqual(['CN=second']);
  });

  test('what is wrong at two looks is told, once, and the way back is taken', () => {
    write({ key: second?.key ?? '' });
    expect(look(2)).toEqual(['the key in /looked-at.key is not that of the certificate in /looked-at.crt']);
    expect(look(5)).toEqual([]);
    write(first);
    expect(look()).toEqual(['CN=first']);
  });

  test.each([
    ['no file', () => rmSync(path('crt')), /^ENOENT/],
    ['no certificate', () => write({ cert: 'text' }), 'holds no certificate in PEM'],
    [
      'a broken certificate',
      () => write({ cert: first?.cert.replace(/\nMII.{20}/, '\nMIIAAAAA') ?? '' }),
      'holds a certificate that cannot be read',
    ],
    ['no key', () => write({ key: 'text' }), 'holds no private key'],
  ])('%s', (_name, spoil, reason) => {
    spoil();
    expect(look(5)).toEqual([expect.stringMatching(reason)]);
    expect(equipped).toBe(1);
  });

  test('who asks is told, each time', () => {
    process.emit('SIGHUP');
    write({ key: 'text' });
    process.emit('SIGHUP');
    process.emit('SIGHUP');
    const reason = '/looked-at.key holds no private key in PEM without a passphrase';
    expect(told).toEqual(['CN=first', reason, reason]);
  });
});
