import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface KeyPairFiles {
  /** The certificate and those that lead to its authority, PEM. */
  readonly certFile: string;
  /** The private key, PEM, without a passphrase. */
  readonly keyFile: string;
}

/** A certificate chain and its private key that fit each other. */
export interface KeyPair {
  readonly subject: string;
  /** When the certificate ends, ms since 1970. */
  readonly notAfter: number;
  /** When it begins. */
  readonly notBefore: number;
  /** Of the contents of both files. */
  readonly digest: string;
}

/** A file that cannot be used; the message says why and shows nothing of a key. */
export class BadKeyPair extends Error {
  override readonly name = 'BadKeyPair';
  readonly file: 'certFile' | 'keyFile';

  constructor(file: 'certFile' | 'keyFile', reason: string) {
    super(reason);
    this.file = file;
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** @throws BadKeyPair */
export function readKeyPair(files: KeyPairFiles): KeyPair {
  const certText = readText(files, 'certFile');
  const keyText = readText(files, 'keyFile');
  const certificate = parseChain(files.certFile, certText);
  if (!certificate.checkPrivateKey(parseKey(files.keyFile, keyText))) {
    throw new BadKeyPair('keyFile', `the key in ${files.keyFile} is not that of the certificate in ${files.certFile}`);
  }
  return {
    subject: certificate.subject.replaceAll('\n', ', '),
    notAfter: Date.parse(certificate.validTo),
    notBefore: Date.parse(certificate.validFrom),
    digest: digestOf(certText, keyText),
  };
}

/** Tells whether the files have changed. @throws BadKeyPair */
export function readDigest(files: KeyPairFiles): string {
  return digestOf(readText(files, 'certFile'), readText(files, 'keyFile'));
}

function digestOf(certText: string, keyText: string): string {
  return createHash('sha256').update(certText).update('\0').update(keyText).digest('hex');
}

function readText(files: KeyPairFiles, file: 'certFile' | 'keyFile'): string {
  try {
    return readFileSync(files[file], 'latin1');
  } catch (error) {
    throw new BadKeyPair(file, error instanceof Error ? error.message : String(error));
  }
}

/** The first certificate; the others must be readable. */
function parseChain(path: string, text: string): X509Certificate {
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) throw new BadKeyPair('certFile', `${path} holds no certificate in PEM`);
  try {
    const chain = blocks.map((block) => new X509Certificate(block));
    return chain[0] as X509Certificate;
  } catch {
    throw new BadKeyPair('certFile', `${path} holds a certificate that cannot be read`);
  }
}

function parseKey(path: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    throw new BadKeyPair('keyFile', `${path} holds no private key in PEM without a passphrase`);
  }
}
