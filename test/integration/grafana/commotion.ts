import type { RelayFrame } from '@causeway/protocol';
import { connectPeer, peerId, type RawPeer } from '../../kit/peer.ts';
import { Reader } from '../../kit/reader.ts';
import type { RedisDeployment } from '../../kit/redis.ts';
import type { Relay } from '../../kit/relay.ts';
import type { Scope } from '../../kit/scope.ts';
import { waitFor } from '../../kit/wait.ts';
import { askAdmin } from '../admin.ts';
import { range } from '../fixture.ts';
import { Saturating, setPolicy, Tally } from '../limits/saturation.ts';

/** Of what the mailbox of a peer may hold, in the environment of the relays. */
export const MAILBOX_MESSAGES = 20;
/** Failed authentications that one address is let have, likewise. */
export const FAILED_AUTH = 3;
/** The least that there may be. */
export const INBOX_BYTES = 2 * 1024 * 1024;
const SEND_EVERY_MS = 25;
const PAYLOAD = Buffer.alloc(200);
const LARGE = Buffer.alloc(60_000);
/** Above it a sender has more under way than it may. */
const FLOOD = 400;

/** Sends to one peer at a steady rate, whatever becomes of it, so that a node that stands still is noticed. */
class Pacer {
  readonly #peer: RawPeer;
  readonly #timer: NodeJS.Timeout;

  constructor(peer: RawPeer, to: string) {
    this.#peer = peer;
    this.#timer = setInterval(() => peer.message(to, PAYLOAD, { flags: 4 }), SEND_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#peer.terminate();
  }
}

export interface Stage {
  readonly relays: readonly Relay[];
  readonly redis: RedisDeployment;
  readonly scope: Scope;
}

const ignore = (_: RelayFrame): boolean => true;
const url = ({ relays }: Stage, index: number): string => (relays[index] as Relay).url;

async function join(stage: Stage, index: number, peer: string, realm = 'default'): Promise<RawPeer> {
  const connected = stage.scope.keep(await connectPeer({ url: url(stage, index), autoAck: true }));
  await connected.hello({ peer, realm });
  return connected;
}

/** Pairs within a node and between all nodes, steadily, until the scope ends. */
export async function converse(stage: Stage): Promise<void> {
  for (const [from, to] of [
    [0, 0],
    [0, 1],
    [1, 0],
    [2, 0],
    [2, 1],
    [0, 2],
  ] as const) {
    const reader = stage.scope.keep(new Reader({ peer: `reader-${from}-${to}` }));
    await reader.connect(url(stage, to));
    const peer = await connectPeer({
      url: url(stage, from),
      onFrame: (frame) => frame.type !== 'welcome' && ignore(frame),
    });
    await peer.hello({ peer: `sender-${from}-${to}` });
    stage.scope.keep(new Pacer(peer, `reader-${from}-${to}`));
  }
}

/** Peers that come, go, come back, move to another node, and are watched. */
export async function comeAndGo(stage: Stage): Promise<void> {
  const watcher = await join(stage, 0, 'watcher');
  watcher.send({ type: 'watch', peers: ['mover', 'sleeper'].map(peerId) });
  const mover = stage.scope.keep(new Reader({ peer: 'mover' }));
  const writer = await join(stage, 0, 'writer');
  for (const node of [1, 2, 0, 2, 1]) {
    await mover.connect(url(stage, node));
    for (const _ of range(1, 5)) writer.message('mover', PAYLOAD);
    await writer.next('receipt');
  }
}

/** Offline peers whose mailboxes overflow, a consumer that never acknowledges, and a sender that wants too much. */
export async function store(stage: Stage): Promise<void> {
  const writer = await join(stage, 0, 'storer');
  for (const _ of range(1, 3 * MAILBOX_MESSAGES)) writer.message('sleeper', PAYLOAD);
  await writer.next('receipt');
  const sleeper = stage.scope.keep(new Reader({ peer: 'sleeper' }));
  await sleeper.connect(url(stage, 1));
  await sleeper.untilDelivered(MAILBOX_MESSAGES);
  const deaf = stage.scope.keep(new Reader({ peer: 'deaf', acks: false }));
  await deaf.connect(url(stage, 1));
  const flooder = await join(stage, 1, 'flooder');
  for (const _ of range(1, FLOOD)) flooder.message('deaf', PAYLOAD);
}

/** More for a peer of the second node than its inbox may hold. */
export async function fillInbox(stage: Stage): Promise<void> {
  const writer = await join(stage, 0, 'filler');
  for (let sent = 0; sent < 2 * INBOX_BYTES; sent += LARGE.length) writer.message('reader-0-1', LARGE);
  await writer.next('receipt');
}

/** As a primary that takes the place of another may have: the last appends to all inboxes. */
export async function forgetAppends({ redis }: Stage): Promise<void> {
  for (const { role, client } of redis.nodes) {
    if (role === 'primary') for (const key of await client.keys('cw:*:links')) await client.del(key);
  }
}

/** A realm at its limit, a full one, one whose peer is banned, and strangers who try too often. */
export async function limit(stage: Stage): Promise<void> {
  const messages = { perSecond: 100 };
  await setPolicy(stage.redis, {
    cluster: { messages: { perSecond: 100_000 } },
    realms: {
      busy: { realm: { messages } },
      many: { peer: { messages: { perSecond: 5 } } },
      small: { caps: { connections: 1 } },
      locked: { auth: 'token' },
    },
  });
  const inForce = async (): Promise<boolean> => {
    const all = await Promise.all(stage.relays.map((relay) => relay.metrics()));
    return all.every((metrics) => metrics.value('causeway_policy_version') > 0);
  };
  await waitFor(inForce, { what: 'the policy is in force' });
  const tally = new Tally();
  for (const [index, realm] of (['busy', 'busy', 'many'] as const).entries()) {
    const options = { url: url(stage, index % 2), realm, peer: `greedy-${index}`, window: 8 };
    const sender = stage.scope.keep(new Saturating(options, tally));
    await sender.connect();
    sender.resume();
  }
  await join(stage, 0, 'first', 'small');
  const second = stage.scope.keep(await connectPeer({ url: url(stage, 1) }));
  second.sendHello({ peer: 'second', realm: 'small' });
  await second.closed;
  for (const _ of range(1, FAILED_AUTH + 2)) {
    const stranger = stage.scope.keep(await connectPeer({ url: url(stage, 0) }));
    stranger.sendHello({ realm: 'locked', auth: { scheme: 'token', token: 'forged' } });
    await stranger.closed;
  }
  const banned = await join(stage, 0, 'nuisance');
  const body = { kind: 'peer', realm: 'default', peer: 'nuisance', reason: 'test' };
  await askAdmin(stage.relays[0] as Relay, 'POST', '/admin/bans', { body });
  await banned.closed;
}
