import { describe, expect, it } from 'vitest';
import { Endpoints, loggableUrl, relayUrl } from './endpoints.ts';

describe('relayUrl', () => {
  it.each([
    ['http://127.0.0.1:7070', 'ws://127.0.0.1:7070/v1'],
    ['https://relay.example', 'wss://relay.example/v1'],
    ['ws://relay.example:80/', 'ws://relay.example/v1'],
    ['wss://relay.example/team/v1?key=1', 'wss://relay.example/team/v1?key=1'],
    ['wss://me:secret@relay.example', 'wss://me:secret@relay.example/v1'],
    ['ws://[::1]:7070', 'ws://[::1]:7070/v1'],
  ])('%s -> %s', (text, url) => {
    expect(relayUrl(text)).toBe(url);
  });

  it.each(['', 'localhost:7070', 'ftp://relay.example', '//relay.example'])('refuses %j', (text) => {
    expect(() => relayUrl(text)).toThrow(expect.objectContaining({ code: 'bad_option', retryable: false }));
  });
});

describe('loggableUrl', () => {
  it('leaves out what may be secret', () => {
    expect(loggableUrl('wss://me:secret@relay.example/v1?key=1')).toBe('wss://relay.example/v1');
  });
});

describe('Endpoints', () => {
  it('goes round', () => {
    const endpoints = new Endpoints(['ws://a', 'ws://b']);
    const seen = [0, 1, 2].map(() => {
      const url = endpoints.current();
      endpoints.advance();
      return url;
    });
    expect(seen).toEqual(['ws://a/v1', 'ws://b/v1', 'ws://a/v1']);
  });

  it('tries those that a leaving relay named first, once each, but never without the encryption it had', () => {
    const endpoints = new Endpoints(['wss://a']);
    expect(endpoints.prefer(['ws://plain', 'nonsense', 'https://b', 'wss://c'], 'wss://a/v1')).toEqual([
      'ws://plain',
      'nonsense',
    ]);
    const seen = [0, 1, 2, 3].map(() => {
      const url = endpoints.current();
      endpoints.advance();
      return url;
    });
    expect(seen).toEqual(['wss://b/v1', 'wss://c/v1', 'wss://a/v1', 'wss://a/v1']);
  });

  it('needs a URL', () => {
    expect(() => new Endpoints([])).toThrow(expect.objectContaining({ code: 'bad_option' }));
  });
});
