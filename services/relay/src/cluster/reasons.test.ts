import { expect, test } from 'vitest';
import { unfitness } from './health.ts';
import { reasonOf } from './reasons.ts';

test.each([
  ["OOM command not allowed when used memory > 'maxmemory'.", 'OOM'],
  ["READONLY You can't write against a read only replica.", 'READONLY'],
  ['CLUSTERDOWN The cluster is down', 'CLUSTERDOWN'],
  ['LOADING Redis is loading the dataset in memory', 'LOADING'],
  ['Too many Cluster redirections. Last error: ReplyError: MOVED 1 127.0.0.1:1', 'MOVED'],
  ['Too many Cluster redirections. Last error: Error: Connection is closed.', 'no connection'],
  ['Command timed out', 'timeout'],
  ['Connection is closed.', 'no connection'],
  ["Stream isn't writeable and enableOfflineQueue options is false", 'no connection'],
  ["Cluster isn't ready and enableOfflineQueue options is false", 'no connection'],
  ['connect ECONNREFUSED 127.0.0.1:1', 'no connection'],
  ['Reached the max retries per request limit (which is 0).', 'no connection'],
  [`ERR ${'x'.repeat(500)}`, `ERR ${'x'.repeat(116)}`],
])('%s', (message, reason) => {
  expect(reasonOf(new Error(message))).toBe(reason);
});

test('what is no Error has a reason, too', () => {
  expect(reasonOf('gone')).toBe('gone');
});

test('a server that evicts or is too old is unfit, in a sentence that says what to do', () => {
  const info = (version: string, policy: string) =>
    `# Server\r\nredis_version:${version}\r\n# Memory\r\nmaxmemory_policy:${policy}\r\n`;
  expect(unfitness('h:1', info('7.0.15', 'noeviction'))).toBe('');
  expect(unfitness('h:1', info('10.0.0', 'noeviction'))).toBe('');
  expect(unfitness('h:1', info('7.2.0', 'allkeys-lru'))).toContain('maxmemory-policy allkeys-lru');
  expect(unfitness('h:1', info('6.2.14', 'noeviction'))).toContain('7.0 or newer');
  expect(unfitness('h:1', '')).toContain('unknown');
});
