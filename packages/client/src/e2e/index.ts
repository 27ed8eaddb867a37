/** Encryption between two ends over any two byte streams: what the client does for its tunnels, by itself. */
export { SecurityError, type SecurityErrorCode } from '../errors.ts';
export { formatCode, parseCode, type RoomCode, randomWords } from './code.ts';
export type { ByteDuplex, Role, SecureDuplex } from './duplex.ts';
export { generateIdentity, type KeyPair, keyOfPeerId } from './identity.ts';
export { type NoiseDuplex, type NoiseOptions, noiseDuplex } from './noise-duplex.ts';
export { type PakeOptions, pakeDuplex } from './pake.ts';
export { WORDS } from './words.ts';
