import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress, parseForward, tryAddress } from './addresses.ts';

describe('parseForward', () => {
  it.each([
    ['8080:localhost:80', '127.0.0.1:8080', 'localhost:80'],
    ['0:HomeServer:80', '127.0.0.1:0', 'homeserver:80'],
    ['0.0.0.0:8080:10.0.0.2:443', '0.0.0.0:8080', '10.0.0.2:443'],
    ['[::1]:8080:[fe80::1]:22', '[::1]:8080', '[fe80::1]:22'],
  ])('%s', (text, listen, target) => {
    const forward = parseForward(text);
    expect([formatAddress(forward.listen), formatAddress(forward.target)]).toEqual([listen, target]);
  });

  it.each([
    '',
    '8080',
    '8080:localhost',
    'x:localhost:80',
    '8080:localhost:0',
    '1:2:3:4:5',
    '8080::80',
    '70000:a:1',
    '8080:a:80:',
  ])('refuses %j', (text) => expect(() => parseForward(text)).toThrow(/ is no (?:forward|port)/));
});

it('parseAddress takes a host and a port', () => {
  expect(parseAddress('localhost:80')).toEqual({ host: 'localhost', port: 80 });
  expect(tryAddress('[::1]:80')).toEqual({ host: '::1', port: 80 });
  for (const text of ['localhost', 'localhost:', ':80', '::1:80', 'a:b:80', 'a]:80'])
    expect(tryAddress(text)).toBeNull();
});
