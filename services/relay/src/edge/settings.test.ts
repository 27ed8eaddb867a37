import { expect, test } from 'vitest';
import { loadRelayConfig } from '../config.ts';

function problems(env: Record<string, string>): readonly string[] {
  const loaded = loadRelayConfig(env);
  return loaded.ok ? [] : loaded.problems;
}

test('origins and proxies are read in their normal form', () => {
  const loaded = loadRelayConfig({
    CAUSEWAY_ORIGINS: 'https://App.example.com:443, null',
    CAUSEWAY_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
    CAUSEWAY_PROXY_PROTOCOL: 'v2',
  });
  expect(loaded).toMatchObject({
    ok: true,
    config: {
      origins: ['https://app.example.com', 'null'],
      trustedProxies: [
        { address: '10.0.0.0', family: 'ipv4', prefix: 8 },
        { address: '::1', family: 'ipv6', prefix: 128 },
      ],
      proxyProtocol: 'v2',
    },
  });
});

test.each([
  ['CAUSEWAY_ORIGINS', 'https://good.example,*', '"*" is no origin'],
  ['CAUSEWAY_ORIGINS', 'app.example.com', '"app.example.com" is no origin'],
  ['CAUSEWAY_TRUSTED_PROXIES', '10.0.0.1, 10.0.0.0/33', '"10.0.0.0/33" is no address and no range'],
  ['CAUSEWAY_PROXY_PROTOCOL', 'v1', 'allowed is off, v2'],
  ['CAUSEWAY_PROXY_PROTOCOL', 'v2', 'is v2 without CAUSEWAY_TRUSTED_PROXIES'],
  ['CAUSEWAY_TLS_CERT_FILE', '/tls.crt', 'is set without CAUSEWAY_TLS_KEY_FILE'],
  ['CAUSEWAY_TLS_KEY_FILE', '/tls.key', 'is set without CAUSEWAY_TLS_CERT_FILE'],
])('%s=%s: %s', (name, value, problem) => {
  expect(problems({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name} `))]);
  expect(problems({ [name]: value })[0]).toContain(problem);
});

test('a PROXY header in front of TLS is refused, and a file that cannot be read is named', () => {
  const env = {
    CAUSEWAY_TLS_CERT_FILE: '/nowhere/tls.crt',
    CAUSEWAY_TLS_KEY_FILE: '/nowhere/tls.key',
    CAUSEWAY_TRUSTED_PROXIES: '10.0.0.1',
    CAUSEWAY_PROXY_PROTOCOL: 'v2',
  };
  expect(problems(env)).toEqual([
    expect.stringContaining('CAUSEWAY_TLS_CERT_FILE: ENOENT'),
    expect.stringContaining('a PROXY header in front of TLS cannot be read'),
  ]);
});
