import type { PeerKey } from '../core/address.ts';
import type {
  Directory,
  LocateReply,
  Location,
  MailboxId,
  MailboxLimits,
  Registered,
  RegisterReply,
  RegisterRequest,
  ReservationLimits,
  StoredMessage,
  Unavailable,
  Writer,
} from '../core/ports.ts';
import { type Commands, list, number, type Reply, type ScriptRunner, text } from './commands.ts';
import type { Keys } from './keys.ts';
import { readLocation, readLocations, readNodes } from './location.ts';
import { messageArgs, readStored } from './stored-message.ts';

export class RedisDirectory implements Directory {
  private readonly commands: Commands;
  private readonly writes: ScriptRunner;
  private readonly keys: Keys;

  /** @param writes runs what stores messages */
  constructor(commands: Commands, writes: ScriptRunner, keys: Keys) {
    this.commands = commands;
    this.writes = writes;
    this.keys = keys;
  }

  register(request: RegisterRequest): Promise<RegisterReply> {
    const { mailbox, loc, watch } = this.keys.peer(request.key);
    return this.commands.script(
      'register',
      [...mailbox, loc, watch],
      [
        request.node,
        request.connection,
        request.resumeHash,
        request.attempt ?? '',
        request.sticky ? 1 : 0,
        request.ttlMs,
        JSON.stringify(request.limits),
        request.mailboxTtlMs,
        request.reclaims,
      ],
      readRegistered,
    );
  }

  refresh(
    key: PeerKey,
    location: Location,
    ttlMs: number,
  ): Promise<{ kind: 'refreshed'; expiresAt: number } | { kind: 'lost' } | Unavailable> {
    return this.commands.script(
      'refresh',
      [this.keys.peer(key).loc],
      [location.node, location.epoch, ttlMs],
      (reply) => {
        const [kind, expiresAt] = list(reply);
        return text(kind) === 'lost' ? { kind: 'lost' } : { kind: 'refreshed', expiresAt: number(expiresAt) };
      },
    );
  }

  locateOrStore(
    key: PeerKey,
    writer: Writer,
    messages: readonly StoredMessage[],
    limits: MailboxLimits,
  ): Promise<LocateReply> {
    const { mailbox, loc } = this.keys.peer(key);
    const runner = messages.length > 0 ? this.writes : this.commands;
    return runner.script(
      'locateOrStore',
      [...mailbox, loc],
      [writer.node, writer.sequence, limits.messages, limits.bytes, limits.ttlMs, ...messageArgs(messages)],
      readLocated,
    );
  }
}

function readRegistered(reply: Reply): Exclude<RegisterReply, Unavailable> {
  const fields = list(reply);
  const kind = text(fields[0]) as Exclude<RegisterReply, Unavailable>['kind'];
  if (kind !== 'registered') return { kind };
  const registered: Registered = {
    kind,
    epoch: number(fields[1]),
    prev: readLocations(fields[2]),
    renewed: number(fields[3]) === 1,
    expiresAt: number(fields[4]),
    limits: JSON.parse(text(fields[5])) as ReservationLimits,
    queued: number(fields[6]),
    seen: text(fields[7]) as MailboxId | '',
    watchers: readNodes(fields[8]),
  };
  return registered;
}

function readLocated(reply: Reply): Exclude<LocateReply, Unavailable> {
  const fields = list(reply);
  const location = text(fields[0]) === 'located' ? readLocation(fields[1], fields[2]) : null;
  return location ? { kind: 'located', location } : readStored(fields);
}
