/** The policy document as the admin API has it. Members that are not known here are kept as they are. */
export interface Rate {
  readonly perSecond: number;
  readonly burst?: number;
}

/** An absent limit is inherited; null lifts an inherited one. */
export interface Limits {
  readonly messages?: Rate | null;
  readonly bytes?: Rate | null;
}

export interface RealmPolicy {
  readonly auth?: string;
  /** Of the realm's peers together. */
  readonly realm?: Limits;
  /** Of each peer. */
  readonly peer?: Limits;
  readonly caps?: Readonly<Record<string, number | null>>;
}

export interface PolicyDocument {
  readonly cluster?: Limits;
  readonly defaults?: RealmPolicy;
  readonly realms?: Readonly<Record<string, RealmPolicy>>;
  readonly peers?: Readonly<Record<string, Limits>>;
}

/** Caps of a realm, as they are written on the command line and in the document. */
export const CAPS: ReadonlyMap<string, string> = new Map([
  ['connections', 'connections'],
  ['reservations', 'reservations'],
  ['watched', 'watched'],
  ['rooms', 'rooms'],
  ['mailbox-bytes', 'mailboxBytes'],
]);

export const AUTH_POLICIES = ['open', 'open-sticky', 'token', 'key'];
