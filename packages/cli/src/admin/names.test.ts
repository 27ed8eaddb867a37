import { describe, expect, it } from 'vitest';
import { parsePeer, parseScope, parseTarget, scopeName } from './names.ts';

describe('parsePeer', () => {
  it('splits at the first slash: a peer id may have some of its own', () => {
    expect(parsePeer('acme/alice')).toEqual({ realm: 'acme', peer: 'alice' });
    expect(parsePeer('acme/a/b/')).toEqual({ realm: 'acme', peer: 'a/b/' });
  });

  it.each(['', 'alice', '/alice', 'acme/', 'ACME/alice', 'a b/alice'])('refuses %j', (text) => {
    expect(() => parsePeer(text)).toThrow(`${JSON.stringify(text)} is no <realm>/<peer>`);
  });
});

describe('parseTarget', () => {
  it.each([
    ['peer:acme/alice', { kind: 'peer', realm: 'acme', peer: 'alice' }],
    ['peer:acme/a:b', { kind: 'peer', realm: 'acme', peer: 'a:b' }],
    ['realm:acme', { kind: 'realm', realm: 'acme' }],
    ['address:2001:db8::/32', { kind: 'address', range: '2001:db8::/32' }],
    ['token:a:b', { kind: 'token', token: 'a:b' }],
  ] as const)('%s', (text, target) => {
    expect(parseTarget(text, ['peer', 'realm', 'address', 'token'])).toEqual(target);
  });

  it.each(['alice', 'peer:', 'peer:alice', 'realm:A', 'token:x', ':acme', 'constructor:x'])('refuses %j', (text) => {
    expect(() => parseTarget(text, ['peer', 'realm'])).toThrow(/^"/);
  });

  it('says which are allowed here', () => {
    expect(() => parseTarget('token:x', ['peer', 'address'])).toThrow(
      '"token:x" is none of peer:<realm>/<peer>, address:<address or range>',
    );
  });
});

describe('parseScope', () => {
  it.each(['cluster', 'defaults', 'realm:acme', 'peer:acme/alice'])('%s, and back', (text) => {
    expect(scopeName(parseScope(text))).toBe(text);
  });

  it.each(['', 'acme', 'realm:', 'clusters', 'address:10.0.0.1'])('refuses %j', (text) => {
    expect(() => parseScope(text)).toThrow(/^"/);
  });
});
