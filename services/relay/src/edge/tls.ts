import { SSLApp, type TemplatedApp } from 'uWebSockets.js';
import { BadKeyPair, type KeyPair, type KeyPairFiles, readDigest, readKeyPair } from './key-pair.ts';

/** How often the files are looked at: two small reads, which no notice of the system is missed by. */
const POLL_MS = 1000;

export interface TlsOptions {
  readonly files: KeyPairFiles;
  /** A pair is in force from now on, the first or a later one. */
  loaded(pair: KeyPair): void;
  /** The pair that is there now cannot be used; the one before stays in force. */
  failed(reason: string): void;
}

/** What uWebSockets.js has and its type declarations lack. */
interface ParentApp extends TemplatedApp {
  getDescriptor(): number;
  addChildAppDescriptor(descriptor: number): void;
  removeChildAppDescriptor(descriptor: number): void;
}

/**
 * Apps that speak TLS. An app's certificate is for life, so each pair has an app of its own, and one more listens: it
 * hands each socket that it accepts to the newest. The listening socket stays the same throughout, so no connection
 * that is under way is lost and nobody else gets the port; and the sockets of older apps live on there.
 */
export class TlsApps {
  /** To listen with. */
  readonly listening: TemplatedApp;
  readonly #options: TlsOptions;
  readonly #equip: (app: TemplatedApp) => void;
  /** All that there were, each about 35 KB: they may have sockets, and cannot be given back. */
  readonly #apps: ParentApp[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #onHangUp = (): void => this.#look(true);
  /** What the files held when they were last taken or refused. */
  #known: string;
  /** What a look found that may be half of a change. */
  #suspect = '';

  /** @throws BadKeyPair */
  constructor(options: TlsOptions, equip: (app: TemplatedApp) => void) {
    this.#options = options;
    this.#equip = equip;
    const pair = readKeyPair(options.files);
    this.#known = pair.digest;
    this.listening = createApp(options.files);
    this.#serve(createApp(options.files));
    options.loaded(pair);
    this.#timer = setInterval(() => this.#look(false), POLL_MS);
    process.on('SIGHUP', this.#onHangUp);
  }

  /** Cuts all connections. */
  close(): void {
    clearInterval(this.#timer);
    process.off('SIGHUP', this.#onHangUp);
    this.listening.close();
    for (const app of this.#apps) app.close();
  }

  /** @param asked somebody waits for the outcome, also where nothing has changed */
  #look(asked: boolean): void {
    const found = this.#find();
    if (found === this.#known && !asked) return;
    const failure = this.#take();
    if (failure === null) return;
    // Certificate and key may change one after the other: what is wrong at two looks is wrong.
    if (found !== this.#suspect && !asked) {
      this.#suspect = found;
      return;
    }
    this.#known = found;
    this.#options.failed(failure);
  }

  /** The digest of the files, or why they cannot be read. */
  #find(): string {
    try {
      return readDigest(this.#options.files);
    } catch (error) {
      return reasonOf(error);
    }
  }

  /** Puts the pair of the files in force, or tells why not. */
  #take(): string | null {
    const { files } = this.#options;
    try {
      const pair = readKeyPair(files);
      const app = createApp(files);
      // The app has read the files by itself, after they were checked.
      if (readDigest(files) !== pair.digest) return 'the files are being changed';
      this.#serve(app);
      this.#known = pair.digest;
      this.#options.loaded(pair);
      return null;
    } catch (error) {
      return reasonOf(error);
    }
  }

  /** Sockets that are accepted from now on are the app's. */
  #serve(app: ParentApp): void {
    const before = this.#apps.at(-1);
    this.#equip(app);
    this.#apps.push(app);
    const parent = this.listening as ParentApp;
    parent.addChildAppDescriptor(app.getDescriptor());
    if (before !== undefined) parent.removeChildAppDescriptor(before.getDescriptor());
  }
}

function createApp({ certFile, keyFile }: KeyPairFiles): ParentApp {
  try {
    return SSLApp({ cert_file_name: certFile, key_file_name: keyFile }) as ParentApp;
  } catch {
    throw new BadKeyPair('certFile', `the TLS library does not take the certificate in ${certFile} with its key`);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
