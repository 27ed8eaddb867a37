import type { LinkAppend, LinkAppendReply, Links, Unavailable } from '../core/ports.ts';
import { type Commands, number, type Reply, text } from './commands.ts';
import type { Keys } from './keys.ts';

export class RedisLinks implements Links {
  private readonly commands: Commands;
  private readonly keys: Keys;

  constructor(commands: Commands, keys: Keys) {
    this.commands = commands;
    this.keys = keys;
  }

  append(append: LinkAppend): Promise<LinkAppendReply> {
    const { state, inbox, links } = this.keys.node(append.to);
    const { buffer, byteOffset, byteLength } = append.envelope;
    return this.commands.script(
      'linkAppend',
      [state, inbox, links],
      [
        append.from,
        append.first,
        append.last,
        append.acked,
        append.exempt ? 1 : 0,
        append.inboxBytes,
        Buffer.from(buffer, byteOffset, byteLength),
      ],
      readLinkReply,
    );
  }
}

type Answer = Exclude<LinkAppendReply, Unavailable>;

function readLinkReply(reply: Reply): Answer {
  if (!Array.isArray(reply)) return { kind: text(reply) } as Answer;
  return { kind: text(reply[0]), last: number(reply[1]) } as Answer;
}
