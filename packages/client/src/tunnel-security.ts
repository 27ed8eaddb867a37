import { lengthPrefixed, utf8 } from './e2e/bytes.ts';
import type { Role, SecureDuplex } from './e2e/duplex.ts';
import { pakeDuplex } from './e2e/pake.ts';
import type { SecureTunnel, Tunnel, TunnelEnd, TunnelSecurity } from './tunnel.ts';

/** What TUNNEL_CLOSE says where the ends did not come to a key and the tunnel is still open. */
const FAILED = 'the key exchange failed';

/**
 * Runs the handshake through the tunnel, and gives what both ends may use from then on.
 * @param context what both ends know: the handshake fails where a relay told them different things
 * @throws SecurityError, or the TunnelError that ended the tunnel, which is closed in any case
 */
export async function secureTunnel(
  tunnel: Tunnel,
  security: TunnelSecurity,
  role: Role,
  context: readonly (Uint8Array | string)[],
  signal: AbortSignal | undefined,
): Promise<SecureTunnel> {
  const bound = lengthPrefixed(...context.map((part) => (typeof part === 'string' ? utf8(part) : part)));
  try {
    return new EncryptedTunnel(
      tunnel,
      await pakeDuplex(tunnel, { role, secret: security.secret, context: bound, signal }),
    );
  } catch (error) {
    tunnel.close(FAILED);
    throw error;
  }
}

class EncryptedTunnel implements SecureTunnel {
  readonly #tunnel: Tunnel;
  readonly #duplex: SecureDuplex;

  constructor(tunnel: Tunnel, duplex: SecureDuplex) {
    this.#tunnel = tunnel;
    this.#duplex = duplex;
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
