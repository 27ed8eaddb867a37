import { ExitCode } from './exit-codes.ts';
import { openSources, STDIN } from './files/sources.ts';
import { print } from './output.ts';
import { showCode } from './room-code.ts';
import { withLastingClient } from './session.ts';
import { visible } from './table.ts';
import { sendFiles } from './transfer/sender.ts';
import { failing } from './transfer-failure.ts';
import { newReport, type TransferOptions } from './transfer-options.ts';
import { keepGoing } from './tunnels/keep-going.ts';
import { Answerer } from './tunnels/resume.ts';

export interface SendFileOptions extends TransferOptions {
  readonly qr?: boolean;
  readonly words?: number;
  /** Milliseconds that the code is good for. */
  readonly ttl?: number;
  /** What the receiver calls stdin. */
  readonly name: string;
}

/** Sends files and folders to whoever types in the code. */
export function sendFile(paths: readonly string[], options: SendFileOptions): Promise<number> {
  const report = newReport(options, 'sent');
  return failing(options, report, async () => {
    const source = await openSources(paths, {
      stdin: process.stdin,
      stdinName: options.name,
      onSkipped: (path, what) => report.note(`${path} is left out: it is ${what}`),
    });
    report.entries = source.entries;
    return withLastingClient(options, async (client, interrupted) => {
      report.noteCancelled(interrupted);
      const { ttl, words } = options;
      const room = await client.createRoom({
        ...(ttl !== undefined && { ttlMs: ttl }),
        ...(words !== undefined && { words }),
        signal: interrupted,
      });
      await showCode(room, 'causeway receive', options, print);
      const first = await room.tunnel;
      report.note(`connected to ${visible(first.peer)}`);
      const answerer = new Answerer(client, first);
      let sent = 0;
      const events = {
        ...report.events,
        onSent: (bytes: number) => {
          sent += bytes;
        },
      };
      try {
        await keepGoing(first, (tunnel) => sendFiles(tunnel, source, events, interrupted), {
          ...report.losses,
          next: (signal) => answerer.next(signal),
          limitMs: options.resumeFor,
          signal: interrupted,
        });
      } finally {
        answerer.close();
        if (paths.includes(STDIN)) process.stdin.destroy();
      }
      report.done({ sent });
      return ExitCode.ok;
    });
  });
}
