import type { ErrorCodeName, HelloFrame, PeerId, RealmName } from '@causeway/protocol';
import type { ReservationLimits } from './ports.ts';

export interface Member {
  readonly kind: 'member';
  readonly peer: PeerId;
  /** A live reservation of the peer is defended against other secrets. */
  readonly sticky: boolean;
  readonly limits: ReservationLimits;
}

export interface Refused {
  readonly kind: 'refused';
  readonly code: ErrorCodeName;
  readonly message: string;
}

/** Decides who a client is; one for each scheme. */
export interface Authenticator {
  authenticate(hello: HelloFrame, address: string): Promise<Member | Refused>;
}

export interface OpenAuthenticatorOptions {
  readonly policy: 'open' | 'open-sticky';
  readonly realms: readonly RealmName[];
  readonly randomPeerId: () => PeerId;
}

/** The policies that believe a client what it says: `open`, and `open-sticky` for as long as a reservation lives. */
export class OpenAuthenticator implements Authenticator {
  private readonly options: OpenAuthenticatorOptions;

  constructor(options: OpenAuthenticatorOptions) {
    this.options = options;
  }

  async authenticate(hello: HelloFrame): Promise<Member | Refused> {
    const { policy, realms, randomPeerId } = this.options;
    if (realms.length > 0 && !realms.includes(hello.realm)) {
      return { kind: 'refused', code: 'forbidden', message: 'this relay does not serve the realm' };
    }
    const scheme = hello.auth?.scheme ?? 'none';
    if (scheme !== 'none') {
      return { kind: 'refused', code: 'unauthorized', message: `the realm takes scheme "none", not "${scheme}"` };
    }
    return { kind: 'member', peer: hello.peer ?? randomPeerId(), sticky: policy === 'open-sticky', limits: {} };
  }
}
