import { Exchange, greet } from './exchange.ts';
import type { ByteDuplex } from './wire.ts';

/**
 * What the two ends of a pipe say before its bytes, so that neither takes a file transfer for one.
 * @returns the streams behind it
 * @throws TransferError, LostError
 */
export async function greetPipe(duplex: ByteDuplex): Promise<ByteDuplex> {
  const lines = new Exchange(duplex);
  try {
    await greet(lines, 'pipe', 'pipe');
    return lines.release();
  } catch (error) {
    await lines.fail(error);
    throw error;
  }
}
