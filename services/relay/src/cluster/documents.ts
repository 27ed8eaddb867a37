import type { Unavailable } from '../core/ports.ts';
import {
  DOCUMENT_NAMES,
  DOCUMENTS,
  type DocumentName,
  type Documents,
  type DocumentVersion,
} from '../core/shared-ports.ts';
import { type Commands, list, number, text } from './commands.ts';
import type { Keys } from './keys.ts';
import { encodeNotice } from './notices.ts';

const FIELDS = ['version', 'text', 'by', 'note', 'at'] as const;

export class RedisDocuments implements Documents {
  private readonly commands: Commands;
  private readonly keys: Keys;

  constructor(commands: Commands, keys: Keys) {
    this.commands = commands;
    this.keys = keys;
  }

  read(name: DocumentName): Promise<{ kind: 'document'; document: DocumentVersion | null } | Unavailable> {
    return this.commands.run(
      'documentRead',
      () => this.commands.client.hmget(this.keys.documents, ...fieldsOf(name)),
      (values) => ({ kind: 'document', document: fromFields(values) }),
    );
  }

  write(
    name: DocumentName,
    expected: number,
    change: Pick<DocumentVersion, 'text' | 'by' | 'note'>,
  ): Promise<{ kind: 'written'; document: DocumentVersion } | { kind: 'conflict'; version: number } | Unavailable> {
    const { documents, notices } = this.keys;
    const version = expected + 1;
    const notice = encodeNotice({ kind: 'changed', name, version });
    return this.commands.script(
      'documentWrite',
      [documents, this.keys.history(name), notices],
      [name, expected, change.text, change.by, change.note, DOCUMENTS[name].history, notice],
      (reply) => {
        const [kind, value] = list(reply);
        if (text(kind) === 'conflict') return { kind: 'conflict', version: number(value) };
        return { kind: 'written', document: { version, ...change, at: number(value) } };
      },
    );
  }

  history(
    name: DocumentName,
    skip: number,
    count: number,
  ): Promise<{ kind: 'history'; versions: readonly DocumentVersion[] } | Unavailable> {
    const { documents } = this.keys;
    // In one step, or a version that is written in between would be missing or come twice.
    return this.commands.run(
      'documentHistory',
      () =>
        this.commands.client
          .multi()
          .hmget(documents, ...fieldsOf(name))
          .lrange(this.keys.history(name), Math.max(skip - 1, 0), skip + count - 1)
          .exec(),
      (replies) => {
        const [[, present], [, earlier]] = replies as [[null, (string | null)[]], [null, string[]]];
        const versions = earlier.map((one) => JSON.parse(one) as DocumentVersion);
        const document = fromFields(present);
        const all = document === null || skip > 0 ? versions : [document, ...versions];
        return { kind: 'history', versions: all.slice(0, count) };
      },
    );
  }

  versions(): Promise<{ kind: 'versions'; versions: Readonly<Record<DocumentName, number>> } | Unavailable> {
    return this.commands.run(
      'documentVersions',
      () => this.commands.client.hmget(this.keys.documents, ...DOCUMENT_NAMES.map((name) => `${name}:version`)),
      (values) => ({
        kind: 'versions',
        versions: Object.fromEntries(DOCUMENT_NAMES.map((name, index) => [name, Number(values[index] ?? 0)])) as Record<
          DocumentName,
          number
        >,
      }),
    );
  }
}

function fieldsOf(name: DocumentName): string[] {
  return FIELDS.map((field) => `${name}:${field}`);
}

function fromFields([version, text, by, note, at]: readonly (string | null | undefined)[]): DocumentVersion | null {
  if (version == null) return null;
  return { version: Number(version), text: text ?? '', by: by ?? '', note: note ?? '', at: Number(at) };
}
