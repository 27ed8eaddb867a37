import { once } from 'node:events';
import type { Client, SecureTunnel } from '@causeway/client';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { IncomingFiles, type Questions } from './files/incoming-files.ts';
import { STDIN } from './files/sources.ts';
import { StdoutTarget } from './files/stdout-target.ts';
import { TargetFolder } from './files/target-folder.ts';
import { askTerminal, questionsOf } from './prompts.ts';
import { withLastingClient } from './session.ts';
import { receiveFiles, type TransferTarget } from './transfer/receiver.ts';
import { failing } from './transfer-failure.ts';
import { newReport, type TransferOptions } from './transfer-options.ts';
import type { TransferReport } from './transfer-report.ts';
import { keepGoing } from './tunnels/keep-going.ts';
import { Dialler } from './tunnels/resume.ts';

export interface ReceiveOptions extends TransferOptions {
  /** A folder, or `-` for stdout. */
  readonly to: string;
  readonly yes?: boolean;
  readonly overwrite?: boolean;
  readonly rename?: boolean;
}

/** Milliseconds to tell a sender that everything is here, after the stream was lost at the very end. */
const LAST_WORD_MS = 10_000;

/** Receives what is sent under a code. */
export function receive(code: string, options: ReceiveOptions): Promise<number> {
  const isStdout = options.to === STDIN;
  const report = newReport(options, 'received', isStdout ? process.stderr : process.stdout);
  return failing(options, report, async () => {
    const taken = takenOf(options);
    const ask = process.stdin.isTTY ? askTerminal : null;
    if (ask === null && !options.yes) {
      throw new Failure(ExitCode.usage, 'nobody can be asked here: --yes receives without asking');
    }
    const folder = isStdout ? null : await TargetFolder.open(options.to);
    return withLastingClient(options, async (client, interrupted) => {
      report.noteCancelled(interrupted);
      const first = await client.joinRoom(code, { signal: interrupted });
      const policy = { yes: options.yes ?? false, taken, peer: first.peer, target: folder?.root ?? 'stdout' };
      const questions = watched(questionsOf(ask, policy), report);
      if (folder === null) {
        await run(client, first, new StdoutTarget(writeStdout, questions), report, options, interrupted);
      } else {
        const files = new IncomingFiles(folder, questions);
        report.pathOf = (file) => files.pathOf(file);
        try {
          await run(client, first, files, report, options, interrupted);
        } finally {
          await files.close();
        }
      }
      report.done({});
      return ExitCode.ok;
    });
  });
}

async function run(
  client: Client,
  first: SecureTunnel,
  target: TransferTarget,
  report: TransferReport,
  { resumeFor }: ReceiveOptions,
  signal: AbortSignal,
): Promise<void> {
  const dialler = new Dialler(client, first);
  const isKnown = await keepGoing(first, (tunnel) => receiveFiles(tunnel, target, report.events, signal), {
    ...report.losses,
    next: (over) => dialler.next(over),
    limitMs: resumeFor,
    signal,
  });
  if (isKnown) return;
  try {
    const tunnel = await dialler.next(AbortSignal.any([signal, AbortSignal.timeout(LAST_WORD_MS)]));
    await receiveFiles(tunnel, target, report.events, signal);
  } catch {
    // Everything is here all the same; the sender will say that it has lost this end.
  }
}

function takenOf({ overwrite, rename }: ReceiveOptions): 'overwrite' | 'rename' | null {
  if (overwrite && rename) throw new Failure(ExitCode.usage, 'one of --overwrite and --rename is enough');
  if (overwrite) return 'overwrite';
  return rename ? 'rename' : null;
}

/** The report knows the entries as soon as they are offered. */
function watched({ begin, taken }: Questions, report: TransferReport): Questions {
  return {
    begin: (entries, over) => {
      report.entries = entries;
      return begin(entries, over);
    },
    taken,
  };
}

async function writeStdout(bytes: Uint8Array): Promise<void> {
  if (process.stdout.write(bytes)) return;
  await once(process.stdout, 'drain');
}
