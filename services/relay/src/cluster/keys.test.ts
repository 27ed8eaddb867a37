import type { NodeId, PeerId, RealmName } from '@causeway/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { peerKey } from '../core/address.ts';
import { Keys } from './keys.ts';

const keys = new Keys('cw:');
const realm = fc.stringMatching(/^[a-z0-9._-]{1,8}$/) as fc.Arbitrary<RealmName>;
const peer = fc.oneof(
  fc.string({ unit: fc.constantFrom('{', '}', ':', '/', 'm', 'b', 'x', 'o', 'l', 'c'), minLength: 1, maxLength: 12 }),
  fc.constantFrom('x', 'x}:mbox', 'x}:loc', 'x}:mbox:meta', 'x}:watch'),
) as fc.Arbitrary<PeerId>;

function all(key: ReturnType<typeof peerKey>): string[] {
  const { loc, mailbox, watch } = keys.peer(key);
  return [loc, ...mailbox, watch];
}

/** What Redis hashes of a key (Redis Cluster specification, "Hash tags"). */
function tag(key: string): string {
  const open = key.indexOf('{');
  const close = key.indexOf('}', open + 1);
  return open === -1 || close <= open + 1 ? key : key.slice(open + 1, close);
}

describe('keys', () => {
  test('are named by the table of the design', () => {
    expect(all(peerKey('r' as RealmName, 'p' as PeerId))).toEqual(
      ['loc', 'mbox', 'mbox:meta', 'mbox:count', 'mbox:bytes', 'mbox:index', 'watch'].map(
        (name) => `cw:{p:r/p}:${name}`,
      ),
    );
    expect(Object.values(keys.node('n1' as NodeId))).toEqual(
      ['state', 'inbox', 'links', 'tunnels'].map((name) => `cw:{n:n1}:${name}`),
    );
    expect(keys.nodes).toBe('cw:{nodes}');
    expect(keys.stored('r' as RealmName)).toBe('cw:{r:r}:stored');
    expect(keys.rooms('r' as RealmName)).toEqual(['cw:{r:r}:rooms', 'cw:{r:r}:rooms:until']);
    expect(keys.usage('r' as RealmName, 5)).toEqual({ hour: 'cw:{u:r}:5', peers: 'cw:{u:r}:5:peers' });
    expect([keys.usageRealms(5), keys.top]).toEqual(['cw:{usage}:5', 'cw:{top}']);
  });

  test('of one peer share a hash tag', () => {
    fc.assert(
      fc.property(realm, peer, (inRealm, id) => {
        const own = all(peerKey(inRealm, id));
        expect(new Set(own.map(tag)).size).toBe(1);
        expect(tag(own[0] as string)).toMatch(new RegExp(`^p:${inRealm.replaceAll('.', '\\.')}/`));
      }),
    );
  });

  test('of different peers are different', () => {
    fc.assert(
      fc.property(realm, peer, realm, peer, (realmA, a, realmB, b) => {
        fc.pre(realmA !== realmB || a !== b);
        const shared = new Set(all(peerKey(realmA, a)));
        expect(all(peerKey(realmB, b)).filter((key) => shared.has(key))).toEqual([]);
      }),
    );
  });

  test('a prefix with braces is refused', () => {
    expect(() => new Keys('{cw}:')).toThrow(RangeError);
  });
});
