import type { ClientKey } from './credentials.ts';
import { lengthPrefixed, utf8 } from './e2e/bytes.ts';
import type { Role, SecureDuplex } from './e2e/duplex.ts';
import { generateIdentity, keyOfPeerId } from './e2e/identity.ts';
import { type NoiseDuplex, noiseDuplex } from './e2e/noise-duplex.ts';
import { pakeDuplex } from './e2e/pake.ts';
import type { SecureTunnel, Tunnel, TunnelEnd, TunnelSecurity } from './tunnel.ts';

export interface Handshake {
  readonly role: Role;
  /** What both ends know: the handshake fails where a relay told them different things. */
  readonly context: readonly (Uint8Array | string)[];
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs the handshake through the tunnel, and gives what both ends may use from then on.
 * @param key of this client, if it has one
 * @throws SecurityError, or the TunnelError that ended the tunnel
 */
export async function secureTunnel(
  tunnel: Tunnel,
  security: TunnelSecurity,
  { role, context, signal }: Handshake,
  key: ClientKey | undefined,
): Promise<SecureTunnel> {
  const bound = lengthPrefixed(...context.map((part) => (typeof part === 'string' ? utf8(part) : part)));
  if (security.kind === 'pake') {
    const { secret } = security;
    return new EncryptedTunnel(tunnel, await pakeDuplex(tunnel, { role, secret, context: bound, signal }), null);
  }
  const { identity = generateIdentity(), remote } = security;
  // Who has a key is in a realm of keys, where the id of each peer is its key.
  const remoteSigner = key && (keyOfPeerId(tunnel.peer) ?? undefined);
  const options = { role, identity, prologue: bound, remote, signer: key, remoteSigner, signal };
  const duplex = await noiseDuplex(tunnel, options);
  return new EncryptedTunnel(tunnel, duplex, duplex);
}

class EncryptedTunnel implements SecureTunnel {
  readonly remote: Uint8Array | null;
  readonly remoteSigner: Uint8Array | null;
  readonly #tunnel: Tunnel;
  readonly #duplex: SecureDuplex;

  constructor(tunnel: Tunnel, duplex: SecureDuplex, proved: Pick<NoiseDuplex, 'remote' | 'remoteSigner'> | null) {
    this.#tunnel = tunnel;
    this.#duplex = duplex;
    this.remote = proved?.remote ?? null;
    this.remoteSigner = proved?.remoteSigner ?? null;
  }

  get peer(): string {
    return this.#tunnel.peer;
  }

  get readable(): ReadableStream<Uint8Array> {
    return this.#duplex.readable;
  }

  get writable(): WritableStream<Uint8Array> {
    return this.#duplex.writable;
  }

  get closed(): Promise<TunnelEnd> {
    return this.#tunnel.closed;
  }

  get verifier(): string {
    return this.#duplex.verifier;
  }

  exportKey(label: string, bytes: number): Uint8Array {
    return this.#duplex.exportKey(label, bytes);
  }

  close(reason?: string): void {
    this.#tunnel.close(reason);
  }
}
