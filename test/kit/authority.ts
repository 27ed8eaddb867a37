import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DAYS = 30;
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const SERVER = 'subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n';

/** Why tests that need certificates cannot run here; null where they can. */
export const NO_OPENSSL: string | null = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'openssl is not on the PATH';
  }
})();

/** PEM texts. */
export interface IssuedPair {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority of a test, made with openssl, and what it signs for 127.0.0.1. */
export class Authority {
  readonly folder = mkdtempSync(join(tmpdir(), 'causeway-tls-'));
  /** For NODE_EXTRA_CA_CERTS. */
  readonly caFile = join(this.folder, 'ca.crt');
  readonly ca: string;
  #issued = 0;

  constructor() {
    const keyFile = join(this.folder, 'ca.key');
    const subject = '/CN=Test authority';
    openssl('req', '-x509', ...KEY, '-days', DAYS, '-subj', subject, '-keyout', keyFile, '-out', this.caFile);
    this.ca = readFileSync(this.caFile, 'utf8');
  }

  /** A new key and a certificate for it. @param days negative for one that has expired */
  issue(name: string, days = DAYS): IssuedPair {
    this.#issued += 1;
    const base = join(this.folder, `issued-${this.#issued}`);
    const extensions = `${base}.ext`;
    writeFileSync(extensions, SERVER);
    openssl('req', ...KEY, '-subj', `/CN=${name}`, '-keyout', `${base}.key`, '-out', `${base}.csr`);
    const signer = ['-CA', this.caFile, '-CAkey', join(this.folder, 'ca.key'), '-set_serial', this.#issued];
    const request = ['-req', '-in', `${base}.csr`, '-days', days, '-extfile', extensions];
    openssl('x509', ...request, ...signer, '-out', `${base}.crt`);
    return { cert: readFileSync(`${base}.crt`, 'utf8'), key: readFileSync(`${base}.key`, 'utf8') };
  }

  /** Files of a relay that hold the pair. */
  files(name: string, pair: IssuedPair): ServedFiles {
    return new ServedFiles(join(this.folder, name), pair);
  }

  stop(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A certificate and its key as Kubernetes mounts them: links through a folder that is swapped as one. */
export class ServedFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly #folder: string;
  #version = 0;

  constructor(folder: string, pair: IssuedPair) {
    this.#folder = folder;
    this.certFile = join(folder, 'tls.crt');
    this.keyFile = join(folder, 'tls.key');
    mkdirSync(folder);
    this.swap(pair);
    for (const file of ['tls.crt', 'tls.key']) symlinkSync(join('data', file), join(folder, file));
  }

  /** Both change in one step. */
  swap({ cert, key }: IssuedPair): void {
    this.#version += 1;
    const version = `version-${this.#version}`;
    mkdirSync(join(this.#folder, version));
    writeFileSync(join(this.#folder, version, 'tls.crt'), cert);
    writeFileSync(join(this.#folder, version, 'tls.key'), key, { mode: 0o600 });
    symlinkSync(version, join(this.#folder, 'next'));
    renameSync(join(this.#folder, 'next'), join(this.#folder, 'data'));
  }
}

function openssl(...args: (string | number)[]): void {
  execFileSync('openssl', args.map(String), { stdio: ['ignore', 'ignore', 'pipe'] });
}
