import { expect, test } from 'vitest';
import { Origins, parseOrigin } from './origins.ts';

test.each([
  ['https://app.example.com', 'https://app.example.com'],
  ['HTTPS://App.Example.COM:443', 'https://app.example.com'],
  ['http://localhost:80', 'http://localhost'],
  ['http://localhost:0443', 'http://localhost:443'],
  ['https://*.example.com:8443', 'https://*.example.com:8443'],
  ['http://[::1]:3000', 'http://[::1]:3000'],
  ['capacitor://localhost', 'capacitor://localhost'],
  ['null', 'null'],
])('%s is the origin %s', (text, origin) => {
  expect(parseOrigin(text)).toBe(origin);
});

test.each([
  '',
  '*',
  'app.example.com',
  'https://',
  'https://app.example.com/',
  'https://app.example.com/path',
  'https://user@app.example.com',
  'https://app.*.example.com',
  'https://*example.com',
  'https://*.[::1]',
  'https://a..b',
  'https://app.example.com:',
  'https://app.example.com:0',
  'https://app.example.com:65536',
  'https://bücher.example',
  'https://a b',
])('%j is none', (text) => {
  expect(parseOrigin(text)).toBeNull();
});

const origins = new Origins(['https://app.example.com', 'https://*.example.org', 'http://*.local:8080']);

test.each([
  'https://app.example.com',
  'https://APP.example.com:443',
  'https://a.example.org',
  'https://a.b.example.org',
  'http://x.local:8080',
])('%s is allowed', (origin) => {
  expect(origins.allows(origin)).toBe(true);
});

test.each([
  'http://app.example.com',
  'https://app.example.com:8443',
  'https://app.example.com.evil.example',
  'https://evil-app.example.com',
  'https://example.org',
  'https://evilexample.org',
  'https://*.example.org',
  'https://a.example.org:444',
  'https://evil.example/.example.org',
  'https://evil.example/https://app.example.com',
  'http://x.local',
  'null',
  'garbage',
])('%s is not', (origin) => {
  expect(origins.allows(origin)).toBe(false);
});

test('a page without an origin of its own is allowed only by name', () => {
  expect(new Origins(['null']).allows('null')).toBe(true);
});
