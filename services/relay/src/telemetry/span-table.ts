import type { SpanName } from '../core/tracer.ts';

/** As OpenTelemetry calls them. */
export type SpanKindName = 'server' | 'client' | 'consumer' | 'internal';

export interface SpanRow {
  readonly kind: SpanKindName;
  /** From when to when it goes, and what it is a part of. */
  readonly about: string;
  readonly attributes: readonly string[];
}

const OUTCOME = 'causeway.outcome';
/** Set where something of a trace begins on a node: what is behind it on the same node need not say so again. */
export const NODE_ATTRIBUTE = 'causeway.node';

/** Every span that a relay records; the table in `docs/tracing.md` says the same. */
export const SPANS: Readonly<Record<SpanName, SpanRow>> = {
  register: {
    kind: 'server',
    about:
      'From HELLO to WELCOME or a refusal. A part of what the client named as `traceparent`, else a trace by itself',
    attributes: [NODE_ATTRIBUTE, 'causeway.realm', 'causeway.peer', 'causeway.renewed', 'causeway.queued', OUTCOME],
  },
  send: {
    kind: 'server',
    about: 'From a SEND that was taken to its outcome. A part of the client’s `traceparent`, else a trace by itself',
    attributes: [
      ...[NODE_ATTRIBUTE, 'causeway.realm', 'causeway.from', 'causeway.to'],
      ...['causeway.message.id', 'causeway.message.bytes', OUTCOME],
    ],
  },
  hop: {
    kind: 'consumer',
    about:
      'From the append (XADD) of the entry that brings a message, by the clock of Redis, to its reading (XREAD) on the other node. A part of `send`. Of the messages of one entry, the hop of the first is linked with the `send` of each other, and theirs with its own',
    attributes: [NODE_ATTRIBUTE, 'causeway.from_node'],
  },
  deliver: {
    kind: 'client',
    about:
      'From the hand-over to the recipient’s connection to its ACK, or to the mailbox. A part of `hop`, or of `send`',
    attributes: [OUTCOME],
  },
  mailbox_store: {
    kind: 'client',
    about:
      'A message on its way into a mailbox, with the look for an owner where none is known. A part of `send` or of `hop`',
    attributes: [OUTCOME],
  },
  mailbox_drain: {
    kind: 'internal',
    about: 'From the first read of the mailbox to the direct delivery of what comes. A part of `register`',
    attributes: ['causeway.messages', OUTCOME],
  },
  room_open: {
    kind: 'server',
    about: 'From ROOM_CREATE to its answer. A part of the client’s `traceparent`, else a trace by itself',
    attributes: [NODE_ATTRIBUTE, 'causeway.realm', 'causeway.peer', OUTCOME],
  },
  tunnel_open: {
    kind: 'server',
    about:
      'From the call for a tunnel (TUNNEL_CONNECT, or a ROOM_JOIN that has found its room) to its opening or refusal, at the node of the caller. A part of the client’s `traceparent`, else a trace by itself',
    attributes: [
      ...[NODE_ATTRIBUTE, 'causeway.realm', 'causeway.peer', 'causeway.to', 'causeway.tunnel.kind'],
      OUTCOME,
    ],
  },
};

/** Rows of a Markdown table. */
export function renderSpanRows(): string {
  const rows = Object.entries(SPANS).map(([name, { kind, about, attributes }]) => {
    const list = attributes.map((attribute) => `\`${attribute}\``).join(', ');
    return `| \`causeway.${name}\` | ${kind} | ${about} | ${list} |`;
  });
  return ['| span | kind | | attributes |', '|---|---|---|---|', ...rows].join('\n');
}
