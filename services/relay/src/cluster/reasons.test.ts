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

const FIT = { redis_version: '7.0.15', maxmemory_policy: 'noeviction', role: 'master' };

function info(changes: Readonly<Record<string, string>> = {}): string {
  const fields = Object.entries({ ...FIT, ...changes });
  return `# Server\r\n${fields.map(([name, value]) => `${name}:${value}\r\n`).join('')}`;
}

test.each([
  [{ maxmemory_policy: 'allkeys-lru' }, 'maxmemory-policy allkeys-lru'],
  [{ redis_version: '6.2.14' }, '7.0 or newer'],
  [{ role: 'slave' }, 'takes no writes'],
  [{ maxmemory: '100', used_memory: '111', mem_not_counted_for_evict: '10' }, 'used up its maxmemory'],
])('a server with %o is unfit, in a sentence that says what to do', (changes, reason) => {
  expect(unfitness('h:1', info(changes), 0)).toContain(reason);
});

test.each([
  { redis_version: '10.0.0' },
  { maxmemory: '100', used_memory: '110', mem_not_counted_for_evict: '10' },
  { maxmemory: '0', used_memory: '110' },
])('a server with %o is fit', (changes) => {
  expect(unfitness('h:1', info(changes), 0)).toBe('');
});

test('a server whose INFO says nothing is unfit', () => {
  expect(unfitness('h:1', '', 0)).toContain('unknown');
});

test('of the replicas those count that are in sync', () => {
  const replicas = {
    connected_slaves: '2',
    slave0: 'ip=127.0.0.1,port=1,state=online,offset=5,lag=0',
    slave1: 'ip=127.0.0.1,port=2,state=wait_bgsave,offset=0,lag=0',
  };
  expect(unfitness('h:1', info(replicas), 1)).toBe('');
  expect(unfitness('h:1', info(replicas), 2)).toContain('1 replicas in sync');
});
