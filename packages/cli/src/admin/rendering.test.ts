import { describe, expect, it } from 'vitest';
import { accessText, entriesTable } from './access.ts';
import { historyText, limitsText } from './limits.ts';
import { nodesTable } from './nodes.ts';
import { bucketsTable, peerText } from './peers.ts';
import { plainRows, screen, type TopBody } from './top.ts';
import { auditTable, pointInTime, usageTable } from './usage.ts';

const NOW = Date.UTC(2026, 0, 31, 12, 0, 0);
const MINUTE = 60_000;
const NONE = { messages: null, bytes: null };

function lines(text: string): string[] {
  return text.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '));
}

it('nodes, with a load that did not come', () => {
  const common = {
    region: '',
    url: 'ws://a',
    state: 'live',
    connections: 4000,
    leaseUntil: NOW + 4000,
    since: NOW - MINUTE,
  };
  const load = { registrations: 3990, inboxUnsettled: 2, linkBytes: 1500, pendingSends: 7 };
  expect(
    lines(
      nodesTable(
        [
          { ...common, node: 'n-1', self: true, release: '0.1.0', load },
          { ...common, node: 'n-2', self: false, release: null, load: null, state: 'draining', region: 'eu' },
        ],
        NOW,
      ),
    ).slice(0, 3),
  ).toEqual([
    'NODE | STATE | REGION | CONNECTIONS | PEERS | SENDING | INBOX | LINKS | LEASE ENDS | SINCE | RELEASE | URL',
    'n-1 * | live | - | 4000 | 3990 | 7 | 2 | 1.5 KB | in 4 s | 2026-01-31T11:59:00Z (1 min ago) | 0.1.0 | ws://a',
    'n-2 | draining | eu | 4000 | ? | ? | ? | ? | in 4 s | 2026-01-31T11:59:00Z (1 min ago) | - | ws://a',
  ]);
});

describe('a peer', () => {
  const limits = { peer: { messages: { perSecond: 5, burst: 10 }, bytes: null }, realm: NONE, cluster: NONE };

  it('that is online', () => {
    const body = {
      ...{ realm: 'acme', peer: 'alice', online: true, location: { node: 'n-1', epoch: 7 }, limits },
      reservation: { expiresAt: NOW + 60 * MINUTE },
      window: { messages: 2, bytes: 2000 },
      mailbox: { messages: 1, bytes: 500, oldestAt: NOW - MINUTE },
    };
    expect(lines(peerText(body, NOW))).toEqual([
      'peer | alice',
      'realm | acme',
      'state | online',
      'node | n-1 (epoch 7)',
      'reserved until | 2026-01-31T13:00:00Z (in 1 h)',
      'not acknowledged | 2 messages, 2 KB',
      'mailbox | 1 messages, 500 B, the oldest of 2026-01-31T11:59:00Z (1 min ago)',
      '',
      'LIMITS OF | MESSAGES | BURST | BYTES | BURST',
      'peer | 5/s | 10 | no limit | -',
      'realm | no limit | - | no limit | -',
      'cluster | no limit | - | no limit | -',
    ]);
  });

  it('of which only the mailbox is left', () => {
    const mailbox = { messages: 0, bytes: 0, oldestAt: null };
    const nothing = { online: false, location: null, reservation: null, window: null };
    const text = peerText({ realm: 'acme', peer: 'a\u001b[2J', ...nothing, mailbox, limits }, NOW);
    expect(lines(text).slice(0, 7)).toEqual([
      'peer | a\\u001b[2J',
      'realm | acme',
      'state | offline',
      'node | -',
      'reserved until | -',
      'not acknowledged | -',
      'mailbox | 0 messages, 0 B',
    ]);
  });

  it('whose limits were not asked for', () => {
    expect(lines(bucketsTable({ peer: null, realm: null, cluster: NONE }))[1]).toBe(
      'peer | no limit | - | no limit | -',
    );
  });
});

it('access lists, in the words that add to them', () => {
  const rest = { reason: '', at: NOW - MINUTE, until: null };
  const bans = [
    { id: 'b1', kind: 'peer' as const, realm: 'acme', peer: 'mallory', ...rest, reason: 'spam', until: NOW + MINUTE },
    { id: 'b2', kind: 'address' as const, range: '192.0.2.0/24', ...rest },
  ];
  const revocations = [{ id: 'r1', kind: 'token' as const, realm: 'acme', token: 'jti-1', ...rest }];
  expect(lines(accessText({ version: 4, bans, allow: [], revocations }, NOW))).toEqual([
    'BANS',
    'ID | WHAT | SINCE | UNTIL | REASON',
    'b1 | peer:acme/mallory | 2026-01-31T11:59:00Z (1 min ago) | 2026-01-31T12:01:00Z (in 1 min) | spam',
    'b2 | address:192.0.2.0/24 | 2026-01-31T11:59:00Z (1 min ago) | for ever | -',
    '',
    'ALLOW LISTS',
    'no realm has an allow list: all may come in that are not banned',
    '',
    'REVOCATIONS',
    'ID | WHAT | SINCE | UNTIL | REASON',
    'r1 | token:jti-1 in realm acme | 2026-01-31T11:59:00Z (1 min ago) | for ever | -',
    '',
    'version 4',
  ]);
  expect(entriesTable([], 'nobody')).toBe('nobody');
});

describe('limits', () => {
  const written = { version: 2, by: 'operate 3f2a', at: NOW - MINUTE, note: 'launch' };
  const policy = {
    cluster: { messages: { perSecond: 1e5 } },
    realms: { acme: { auth: 'token', peer: { messages: { perSecond: 5, burst: 9 } } } },
  };

  it('are shown in the words that set them', () => {
    expect(lines(limitsText({ ...written, policy }, null, NOW))).toEqual([
      'version 2 by operate 3f2a at 2026-01-31T11:59:00Z (1 min ago): launch',
      'cluster | messages=100000/s',
      'realm:acme | peer.messages=5/s peer.messages-burst=9 auth=token',
    ]);
    expect(lines(limitsText({ ...written, policy }, { kind: 'realm', realm: 'beta' }, NOW))[1]).toBe(
      'realm:beta: nothing is set',
    );
    expect(limitsText({ version: 0, policy: {}, by: '', note: '', at: null }, null)).toBe('no limits were ever set');
  });

  it('have a history of changes', () => {
    const first = { ...written, version: 1, note: '', policy: { cluster: { messages: { perSecond: 5 } } } };
    expect(lines(historyText([{ ...written, policy }, first], NOW))).toEqual([
      'version 2 by operate 3f2a at 2026-01-31T11:59:00Z (1 min ago): launch',
      ' | cluster messages=100000/s (was 5/s)',
      ' | realm:acme peer.messages=5/s',
      ' | realm:acme peer.messages-burst=9',
      ' | realm:acme auth=token',
      'version 1 by operate 3f2a at 2026-01-31T11:59:00Z (1 min ago)',
      ' | cluster messages=5/s',
    ]);
    const [, unset] = lines(historyText([{ ...written, policy: {} }, first], NOW));
    expect(unset).toBe(' | cluster messages=unset (was 5/s)');
  });
});

describe('usage', () => {
  const amounts = {
    ...{ messagesIn: 10, bytesIn: 1000, messagesOut: 20, bytesOut: 2_500_000 },
    ...{ mailboxByteHours: 12.345, connectionSeconds: 3600, tunnelBytes: 0 },
  };
  const record = { realm: 'acme', hour: '2026-01-31T11:00:00.000Z', ...amounts };

  it('has a total, which counts no peer twice', () => {
    const table = lines(usageTable([record, { ...record, peer: 'alice' }, { ...record, peer: '' }], true));
    expect(table.slice(1)).toEqual([
      'acme | 2026-01-31T11:00:00Z | (all) | 10 | 1 KB | 20 | 2.5 MB | 12.3 | 1 h | 0 B',
      'acme | 2026-01-31T11:00:00Z | alice | 10 | 1 KB | 20 | 2.5 MB | 12.3 | 1 h | 0 B',
      'acme | 2026-01-31T11:00:00Z | (others) | 10 | 1 KB | 20 | 2.5 MB | 12.3 | 1 h | 0 B',
      'total | 10 | 1 KB | 20 | 2.5 MB | 12.3 | 1 h | 0 B',
    ]);
    expect(usageTable([], false)).toBe('no usage in this time');
  });

  it('is asked for from so long ago', () => {
    expect(pointInTime('24h', NOW)).toBe('2026-01-30T12:00:00.000Z');
    expect(pointInTime('2026-01-01', NOW)).toBe('2026-01-01');
    expect(pointInTime('1767225600000', NOW)).toBe('1767225600000');
    expect(pointInTime(undefined, NOW)).toBeUndefined();
  });
});

it('the audit trail', () => {
  const entry = { at: NOW - MINUTE, node: 'n-1', by: 'admin 3f2a', action: 'ban.add', details: { peer: 'a\nb' } };
  expect(lines(auditTable([entry], NOW))[1]).toBe(
    '2026-01-31T11:59:00Z (1 min ago) | n-1 | admin 3f2a | ban.add | {"peer":"a\\nb"}',
  );
});

describe('top', () => {
  const rates = (messagesPerSecond: number) => ({ messagesPerSecond, bytesPerSecond: messagesPerSecond * 1000 });
  const body: TopBody = {
    realms: [
      { realm: 'quiet', ...rates(0.25), connections: 3 },
      { realm: 'busy', ...rates(5234.4), connections: 9000 },
    ],
    peers: Array.from({ length: 30 }, (_, index) => ({ realm: 'busy', peer: `p${index}`, ...rates(index) })),
    nodes: 2,
  };

  it('has the busiest on top, and as many as fit on the screen', () => {
    const shown = lines(screen(body, 12, 100));
    expect(shown).toEqual([
      'REALM | MESSAGES/S | BYTES/S | CONNECTIONS',
      'busy | 5234 | 5.23 MB | 9000',
      'quiet | 0.25 | 250 B | 3',
      '',
      'PEER | MESSAGES/S | BYTES/S',
      'busy/p29 | 29 | 29 KB',
      'busy/p28 | 28 | 28 KB',
      'busy/p27 | 27 | 27 KB',
      'busy/p26 | 26 | 26 KB',
    ]);
    expect(screen({ realms: [], peers: [], nodes: 1 }, 24, 80)).toBe('no realm has traffic\n\nno peer sends');
    const long = { realm: 'r', peer: 'x'.repeat(128), ...rates(1) };
    expect(lines(screen({ realms: [], peers: [long], nodes: 1 }, 24, 80))[3]).toMatch(/^r\/x{35}… \| 1 \| 1 KB$/);
  });

  it('is exact where a program reads it', () => {
    expect(plainRows({ ...body, peers: body.peers.slice(0, 1) }, NOW)).toEqual([
      '2026-01-31T12:00:00Z\trealm\tbusy\t5234.4\t5234400\t9000',
      '2026-01-31T12:00:00Z\trealm\tquiet\t0.25\t250\t3',
      '2026-01-31T12:00:00Z\tpeer\tbusy/p0\t0\t0\t',
    ]);
  });
});
