import type { HelloFrame, PeerId } from '@causeway/protocol';
import type { Member } from '../core/authenticator.ts';

/** Members who are believed what they say; where `sticky`, for as long as nobody else has a reservation of the peer. */
export function identifyOpenly({ peer }: HelloFrame, sticky: boolean, randomPeerId: () => PeerId): Member {
  return { kind: 'member', peer: peer ?? randomPeerId(), sticky, limits: {}, expiresAt: null, token: '', issuedAt: 0 };
}
