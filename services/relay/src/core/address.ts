import type { PeerId, RealmName } from '@causeway/protocol';

/** `<realm>/<peer>`. A realm has no slash, so the text has one reading. */
export type PeerKey = string & { readonly __brand: 'PeerKey' };

export function peerKey(realm: RealmName, peer: PeerId): PeerKey {
  return `${realm}/${peer}` as PeerKey;
}

export function realmOf(key: PeerKey): RealmName {
  return key.slice(0, key.indexOf('/')) as RealmName;
}

export function peerOf(key: PeerKey): PeerId {
  return key.slice(key.indexOf('/') + 1) as PeerId;
}
