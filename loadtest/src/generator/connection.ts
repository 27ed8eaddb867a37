import { connect, type Socket } from 'node:net';
import { clientFrame, type FrameHandler, FrameParser, Opcode } from './frames.ts';

/** One buffer for all reads: a chunk is parsed before the next one is read. */
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);

const ignoreFrame: FrameHandler = () => {};

/** The cheapest WebSocket client there is: a TCP socket with frames encoded by hand. */
export class Connection {
  /** Data messages. Pings are answered here. */
  onFrame: FrameHandler = ignoreFrame;
  /** After each chunk read, so that what it gave rise to leaves in one write. */
  onChunkEnd: () => void = () => {};
  onFailure: (error: Error) => void = () => {};
  readonly #socket: Socket;
  readonly #parser: FrameParser;
  /** What was read before the first frame; null from then on. */
  #handshake: Buffer | null = Buffer.alloc(0);
  #upgraded: (() => void) | null = null;
  #closing = false;

  private constructor(port: number) {
    this.#parser = new FrameParser((opcode, buffer, start, end) => this.#frame(opcode, buffer, start, end));
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (bytes, buffer) => {
          this.#parse((buffer as Buffer).subarray(0, bytes));
          return true;
        },
      },
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  /** @throws Error when the server does not upgrade the connection */
  static async open(port: number, path: string, subprotocol: string | null): Promise<Connection> {
    const connection = new Connection(port);
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      ...(subprotocol === null ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
    ];
    await new Promise<void>((resolve, reject) => {
      connection.#upgraded = resolve;
      connection.onFailure = reject;
      connection.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`));
    });
    return connection;
  }

  /** Bytes that the kernel has not taken yet: while there are any, the buffers last written must not be changed. */
  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Resolves at the first data message for which `accept` is true; those before it are dropped. */
  expect(accept: FrameHandlerPredicate): Promise<void> {
    return new Promise((resolve, reject) => {
      this.onFailure = reject;
      this.onFrame = (opcode, buffer, start, end) => {
        if (!accept(opcode, buffer, start, end)) return;
        this.onFrame = ignoreFrame;
        resolve();
      };
    });
  }

  close(): Promise<void> {
    this.#closing = true;
    return new Promise((resolve) => {
      if (this.#socket.destroyed) return resolve();
      this.#socket.once('close', () => resolve());
      this.#socket.end(clientFrame(Opcode.close, Buffer.from([0x03, 0xe8])), () => this.#socket.destroy());
    });
  }

  #parse(chunk: Buffer): void {
    try {
      if (this.#handshake === null) this.#parser.push(chunk);
      else this.#readHandshake(chunk);
      this.onChunkEnd();
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      this.#socket.destroy();
    }
  }

  #readHandshake(chunk: Buffer): void {
    this.#handshake = Buffer.concat([this.#handshake as Buffer, chunk]);
    const end = this.#handshake.indexOf('\r\n\r\n');
    if (end < 0 || this.#upgraded === null) return;
    const head = this.#handshake.toString('latin1', 0, end);
    if (!head.startsWith('HTTP/1.1 101')) throw new Error(`no upgrade: ${this.#handshake.toString('latin1', 0, 300)}`);
    this.#upgraded();
    this.#upgraded = null;
    // What came along with the answer waits until whoever opened the connection has set its handlers.
    setImmediate(() => {
      const rest = (this.#handshake as Buffer).subarray(end + 4);
      this.#handshake = null;
      this.#parse(rest);
    });
  }

  #frame(opcode: number, buffer: Buffer, start: number, end: number): void {
    if (opcode === Opcode.text || opcode === Opcode.binary) this.onFrame(opcode, buffer, start, end);
    else if (opcode === Opcode.ping) this.write(clientFrame(Opcode.pong, buffer.subarray(start, end)));
    else if (opcode === Opcode.close) {
      const code = end - start >= 2 ? buffer.readUInt16BE(start) : 1005;
      this.#fail(new Error(`the server closed the connection: ${code} ${buffer.toString('utf8', start + 2, end)}`));
    }
  }

  #fail(error: Error): void {
    if (!this.#closing) this.onFailure(error);
    this.#closing = true;
  }
}

export type FrameHandlerPredicate = (...frame: Parameters<FrameHandler>) => boolean;
