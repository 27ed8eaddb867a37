import type { Log, Timers } from './clock.ts';
import {
  DOCUMENT_NAMES,
  type DocumentName,
  type Documents,
  type DocumentVersion,
  type Notices,
} from './shared-ports.ts';

/** Notices may be lost; with this a change is in force everywhere within a second all the same. */
const POLL_MS = 500;
/** Polls that must find an older version than the one in force: one may have met a server that is about to lose its place. */
const POLLS_TO_GO_BACK = 2;
const UNREAD = -1;
const SEEDED = { by: 'seed', note: '' };

/** Puts a document in force (null: there is none). Answers why it cannot, and leaves the one before in force; or null. */
export type Apply = (document: DocumentVersion | null) => string | null;

export type Parsed<T> =
  | { readonly ok: true; readonly document: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export interface Problem {
  /** As in `realms.acme.messages.perSecond`; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

/** @param put told of what is in force from now on; null and 0 when there is no document */
export function applyParsed<T>(
  parse: (text: string) => Parsed<T>,
  put: (document: T | null, version: number) => void,
): Apply {
  return (document) => {
    if (document === null) {
      put(null, 0);
      return null;
    }
    const parsed = parse(document.text);
    if (!parsed.ok) return describeProblems(parsed.problems).join('; ');
    put(parsed.document, document.version);
    return null;
  };
}

export function describeProblems(problems: readonly Problem[]): string[] {
  return problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
}

export interface LiveDocumentsDeps {
  readonly documents: Documents;
  readonly notices: Notices;
  readonly timers: Timers;
  readonly log: Log;
  readonly apply: Readonly<Record<DocumentName, Apply>>;
  /** Text of the first version, written where there is none. */
  readonly seed?: Readonly<Partial<Record<DocumentName, string>>>;
}

/** What this node knows of one document. */
class Known {
  version = UNREAD;
  /** Milliseconds since 1970; tells versions of the same number apart, of which the store has lost one. */
  at = 0;
  /** The last reading failed. */
  missed = false;
  /** Successive polls that found an older version. */
  older = 0;

  /** Whether the document has to be read, now that the store says this version. */
  isStale(version: number): boolean {
    this.older = version < this.version ? this.older + 1 : 0;
    if (version < this.version) return this.older >= POLLS_TO_GO_BACK;
    return version !== this.version || this.missed;
  }

  /** Whether this is another one than the one known, and not an older one without need. */
  accepts(version: number, at: number): boolean {
    if (version < this.version && this.older < POLLS_TO_GO_BACK) return false;
    return version !== this.version || at !== this.at;
  }
}

/** Keeps in force on this node what the store has: at once by notices, and by looking again and again. */
export class LiveDocuments {
  /** When each document, or that there is none, has been put in force once. */
  readonly ready: Promise<void>;
  private readonly deps: LiveDocumentsDeps;
  private readonly known: Readonly<Record<DocumentName, Known>> = { policy: new Known(), access: new Known() };
  private readonly wanted = new Set<DocumentName>();
  private readonly pending = new Set<DocumentName>(DOCUMENT_NAMES);
  private reading: Promise<void> | null = null;
  private resolveReady: () => void = () => undefined;
  private cancelPoll: () => void = () => undefined;
  private stopped = false;

  constructor(deps: LiveDocumentsDeps) {
    this.deps = deps;
    this.ready = new Promise((resolve) => {
      this.resolveReady = resolve;
    });
  }

  /** Documents that have not been in force yet. */
  get missing(): readonly DocumentName[] {
    return [...this.pending];
  }

  /** Does not fail when the store is away: it goes on trying. */
  start(): void {
    this.deps.notices.onNotice((notice) => {
      if (notice.kind === 'changed' && notice.name in this.known) void this.read([notice.name]);
    });
    this.pollLater();
    void this.refresh();
  }

  stop(): void {
    this.stopped = true;
    this.cancelPoll();
  }

  /** Reads all anew; to be called when the store may have lost what it had confirmed. Never rejects. */
  refresh(): Promise<void> {
    return this.read(DOCUMENT_NAMES);
  }

  private pollLater(): void {
    this.cancelPoll = this.deps.timers.after(POLL_MS, () => void this.poll());
  }

  private async poll(): Promise<void> {
    const reply = await this.deps.documents.versions();
    if (reply.kind === 'versions') {
      await this.read(DOCUMENT_NAMES.filter((name) => this.known[name].isStale(reply.versions[name])));
    }
    if (!this.stopped) this.pollLater();
  }

  /** One reading at a time, or an older answer might come after a newer one. */
  private async read(names: readonly DocumentName[]): Promise<void> {
    for (const name of names) this.wanted.add(name);
    if (this.wanted.size > 0) this.reading ??= this.readWanted();
    await this.reading;
  }

  private async readWanted(): Promise<void> {
    for (const name of this.wanted) {
      this.wanted.delete(name);
      await this.readOne(name);
    }
    this.reading = null;
  }

  private async readOne(name: DocumentName): Promise<void> {
    const { documents, seed } = this.deps;
    const known = this.known[name];
    const reply = await documents.read(name);
    known.missed = reply.kind === 'unavailable';
    if (reply.kind === 'unavailable' || this.stopped) return;
    const { document } = reply;
    if (!known.accepts(document?.version ?? 0, document?.at ?? 0)) return;
    const text = seed?.[name];
    if (document !== null || text === undefined) {
      this.take(name, document);
      return;
    }
    const written = await documents.write(name, 0, { text, ...SEEDED });
    known.missed = written.kind === 'unavailable';
    if (written.kind === 'conflict') this.wanted.add(name);
    if (written.kind === 'written') this.take(name, written.document);
  }

  private take(name: DocumentName, document: DocumentVersion | null): void {
    const known = this.known[name];
    const isFirst = known.version === UNREAD;
    known.version = document?.version ?? 0;
    known.at = document?.at ?? 0;
    known.older = 0;
    const fields = { document: name, version: known.version, by: document?.by };
    const problem = this.deps.apply[name](document);
    if (problem !== null) {
      this.deps.log.error({ ...fields, problem }, 'a document cannot be read: the one before it stays in force');
      return;
    }
    // That nobody has written one yet is no news.
    if (document === null && isFirst) this.deps.log.debug(fields, 'there is no such document');
    else this.deps.log.info(fields, 'a document is in force');
    this.pending.delete(name);
    if (this.pending.size === 0) this.resolveReady();
  }
}
