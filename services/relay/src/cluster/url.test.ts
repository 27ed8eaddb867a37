import { describe, expect, test } from 'vitest';
import { parseRedisUrl } from './url.ts';

const NONE = { tls: false, username: '', password: '', db: 0, primaryName: '' };

describe('parseRedisUrl', () => {
  test.each([
    ['redis://localhost', { mode: 'standalone', addresses: [{ host: 'localhost', port: 6379 }] }],
    ['redis://h:7001/3', { mode: 'standalone', addresses: [{ host: 'h', port: 7001 }], db: 3 }],
    ['rediss://h:1', { mode: 'standalone', addresses: [{ host: 'h', port: 1 }], tls: true }],
    ['redis://[::1]:7001', { mode: 'standalone', addresses: [{ host: '::1', port: 7001 }] }],
    ['redis://u%40x:p%3A%2F@h', { mode: 'standalone', username: 'u@x', password: 'p:/' }],
    ['redis://:secret@h', { mode: 'standalone', username: '', password: 'secret' }],
    [
      'redis+cluster://a:1,b:2,c',
      {
        mode: 'cluster',
        addresses: [
          { host: 'a', port: 1 },
          { host: 'b', port: 2 },
          { host: 'c', port: 6379 },
        ],
      },
    ],
    ['rediss+cluster://u:p@a:1', { mode: 'cluster', tls: true, username: 'u', password: 'p' }],
    [
      'redis+sentinel://a:1,b/main',
      {
        mode: 'sentinel',
        addresses: [
          { host: 'a', port: 1 },
          { host: 'b', port: 26379 },
        ],
        primaryName: 'main',
      },
    ],
  ])('%s', (url, expected) => {
    const result = parseRedisUrl(url);
    expect(result).toMatchObject({ ok: true, target: { ...NONE, ...expected } });
  });

  test.each([
    ['', 'not a Redis URL'],
    ['http://h', 'not a Redis URL'],
    ['redis+x://h', 'not a Redis URL'],
    ['redis://', '"" is not host:port'],
    ['redis://h:0', '"h:0" is not host:port'],
    ['redis://h:65536', '"h:65536" is not host:port'],
    ['redis://h:port', '"h:port" is not host:port'],
    ['redis://a,b', 'names one server'],
    ['redis://h/x', '"x" is not a database number'],
    ['redis+cluster://a:1/1', 'has no databases'],
    ['redis+cluster://a:1,', '"" is not host:port'],
    ['redis+sentinel://a:1', 'name of the primary'],
    ['redis://user@h', 'user "user" has no password'],
    ['redis://u:%zz@h', 'percent-encoded'],
  ])('%j is refused: %s', (url, part) => {
    const result = parseRedisUrl(url);
    expect(result).toEqual({ ok: false, error: expect.stringContaining(part) });
  });

  test('the password may come from elsewhere, but not twice', () => {
    expect(parseRedisUrl('redis://user@h', 'x')).toMatchObject({ target: { username: 'user', password: 'x' } });
    expect(parseRedisUrl('redis://h', 'x')).toMatchObject({ target: { username: '', password: 'x' } });
    const twice = parseRedisUrl('redis://:y@h', 'x');
    expect(twice).toEqual({ ok: false, error: expect.stringContaining('twice') });
    expect(JSON.stringify(twice)).not.toContain('y@');
  });
});
