import { shownPath } from './files/names.ts';
import { progressLine, Rate } from './progress.ts';
import type { Entry } from './transfer/records.ts';
import { roughBytes } from './units.ts';

/** Milliseconds between two pictures of a progress bar, two JSON records, two plain lines. */
const BAR_MS = 100;
const JSON_MS = 500;
const LINE_MS = 10_000;

const CLEAR_LINE = '\r\u001b[K';

export interface ReportOutput {
  /** `bar` on a terminal, `lines` for a log, `json` for a program. */
  readonly style: 'bar' | 'lines' | 'json';
  /** Past tense of what is done to a file, as the user sees it. */
  readonly verb: 'sent' | 'received';
  readonly columns: () => number;
  /** Everything that a person reads. */
  readonly stderr: (text: string) => void;
  /** One JSON record. */
  readonly record: (record: Readonly<Record<string, unknown>>) => void;
  /** Milliseconds on a clock that only goes forward. */
  readonly now: () => number;
}

/** Shows how a transfer goes. */
export class TransferReport {
  readonly #out: ReportOutput;
  readonly #rate = new Rate();
  readonly #bytes = new Map<number, number>();
  readonly #saved = new Set<number>();
  #entries: readonly Entry[] = [];
  #wanted: readonly number[] = [];
  #file = 0;
  #shownAt = Number.NEGATIVE_INFINITY;
  #barIsShown = false;
  #pathOf: (file: number) => readonly string[] = (file) => this.#entries[file]?.path ?? [];

  constructor(out: ReportOutput) {
    this.#out = out;
  }

  /** What files are called here, where it is not what was offered. */
  set pathOf(pathOf: (file: number) => readonly string[]) {
    this.#pathOf = pathOf;
  }

  /** What is offered; before `onStart`. */
  set entries(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  get files(): number {
    return this.#saved.size;
  }

  /** Bytes of all files that the receiver has. */
  get bytes(): number {
    let sum = 0;
    for (const bytes of this.#bytes.values()) sum += bytes;
    return sum;
  }

  /** For both ends of a transfer. */
  readonly events = {
    onStart: (held: ReadonlyMap<number, number>): void => this.#onStart(held),
    onGot: (file: number, bytes: number): void => this.#onGot(file, bytes),
    onSaved: (file: number): void => this.#onSaved(file),
  };

  /** For what goes on over several streams. */
  readonly losses = {
    progress: (): number => this.bytes,
    onLost: (reason: string): void => {
      this.note(`the connection was lost (${reason}); waiting for the other side`);
      if (this.#out.style === 'json') this.#out.record({ type: 'lost', reason });
    },
    onResumed: (): void => {
      this.note('connected again');
      if (this.#out.style === 'json') this.#out.record({ type: 'resumed' });
    },
  };

  /** Ctrl-C, which the user sees the effect of only once the other side has been told. */
  noteCancelled(signal: AbortSignal): void {
    signal.addEventListener('abort', () => this.note('cancelled'), { once: true });
  }

  done(more: Readonly<Record<string, unknown>>): void {
    const { bytes, files } = this;
    if (this.#out.style === 'json') this.#out.record({ type: 'done', files, bytes, ...more });
    else this.note(`done: ${files === 1 ? '1 file' : `${files} files`}, ${roughBytes(bytes)}`);
  }

  failed({ exitCode, message }: { readonly exitCode: number; readonly message: string }): void {
    this.#out.record({ type: 'error', exitCode, message });
  }

  #onStart(held: ReadonlyMap<number, number>): void {
    for (const [file, bytes] of held) this.#bytes.set(file, bytes);
    // Those that a stream before this one has brought are not among the files that are held now.
    this.#wanted = [...new Set([...this.#saved, ...held.keys()])];
    this.#rate.add(this.#out.now(), this.bytes);
  }

  #onGot(file: number, bytes: number): void {
    this.#file = file;
    this.#bytes.set(file, bytes);
    this.#rate.add(this.#out.now(), this.bytes);
    this.#show();
  }

  #onSaved(file: number): void {
    this.#saved.add(file);
    const bytes = this.#bytes.get(file) ?? 0;
    const name = this.#nameOf(file);
    if (this.#out.style === 'json') this.#out.record({ type: 'file', path: this.#pathOf(file).join('/'), bytes });
    else this.note(`${this.#out.verb} ${name}, ${roughBytes(bytes)}`);
  }

  /** A line for the user that the bar must not overwrite. */
  note(text: string): void {
    this.end();
    if (this.#out.style !== 'json') this.#out.stderr(`causeway: ${text}\n`);
  }

  /** Leaves a clean line behind. */
  end(): void {
    if (this.#barIsShown) this.#out.stderr(CLEAR_LINE);
    this.#barIsShown = false;
  }

  #show(): void {
    const { style, now, stderr, record, columns } = this.#out;
    const at = now();
    if (at - this.#shownAt < { bar: BAR_MS, lines: LINE_MS, json: JSON_MS }[style]) return;
    // The first line of a log would only say that nothing has happened yet.
    const isFirst = this.#shownAt === Number.NEGATIVE_INFINITY;
    this.#shownAt = at;
    const { bytes } = this;
    const total = this.#total();
    const perSecond = this.#rate.perSecond(at, bytes);
    if (style === 'json') record({ type: 'progress', bytes, total, perSecond: perSecond && Math.round(perSecond) });
    else if (style === 'bar') {
      stderr(
        `${CLEAR_LINE}${progressLine({ name: this.#nameOf(this.#file), bytes, total, perSecond }, columns() - 1)}`,
      );
      this.#barIsShown = true;
    } else if (!isFirst) {
      this.note(
        progressLine({ name: this.#nameOf(this.#file), bytes, total, perSecond }, 79).replace(/ {2}\[[#-]+\]/, ''),
      );
    }
  }

  /** Bytes of all files that are taken; null if one has no size. */
  #total(): number | null {
    const sizes = this.#wanted.map((file) => this.#entries[file]?.size ?? null);
    return sizes.reduce((sum, size) => (sum === null || size === null ? null : sum + size), 0);
  }

  #nameOf(file: number): string {
    return shownPath(this.#pathOf(file));
  }
}
