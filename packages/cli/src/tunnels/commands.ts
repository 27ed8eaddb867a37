import { type Command, Option } from 'commander';
import type { Ends } from '../admin/commands.ts';
import { EXIT_CODE_HELP } from '../exit-codes.ts';
import { forward } from '../forward.ts';
import { pipe } from '../pipe.ts';
import { receive } from '../receive.ts';
import { relayCommand } from '../relay-command.ts';
import { sendFile } from '../send-file.ts';
import { count } from '../session.ts';
import { duration, resumeOption } from '../transfer-options.ts';

/** What goes through rooms and tunnels. */
export function tunnelCommands(program: Command, ends: Ends): void {
  relayCommand(program, 'send-file', 'send files and folders to whoever types in the code that is printed')
    .argument('<path...>', 'files and folders; - for stdin')
    .option('--name <name>', 'what stdin is called at the other end', 'stdin')
    .option('--words <n>', 'words of the code (default: 3)', count)
    .addOption(new Option('--ttl <duration>', 'how long the code is good for (default: 10m)').argParser(duration))
    .option('--qr', 'show the code as a QR code, too')
    .addOption(resumeOption())
    .addHelpText(
      'after',
      `\nExamples:\n  causeway send-file report.pdf photos/\n  tar c src | causeway send-file --name src.tar -\n\n${EXIT_CODE_HELP}`,
    )
    .action(ends(sendFile));

  relayCommand(program, 'receive', 'receive what was sent under a code')
    .argument('<code>', 'as send-file has printed it')
    .option('--to <folder>', 'where to; - for stdout', '.')
    .option('--yes', 'begin without asking')
    .option('--overwrite', 'replace files that exist')
    .option('--rename', 'give another name to what exists already')
    .addOption(resumeOption())
    .addHelpText(
      'after',
      `\nExamples:\n  causeway receive 4821-copper-violin-lake\n  causeway receive --yes --to - 4821-copper-violin-lake | tar x\n\n${EXIT_CODE_HELP}`,
    )
    .action(ends(receive));

  relayCommand(program, 'pipe', 'connect stdin and stdout to those of another machine')
    .argument('[code]', 'as the other side has printed it (default: print one)')
    .option('--qr', 'show the code as a QR code, too')
    .addHelpText(
      'after',
      `\nExamples:\n  causeway pipe < backup.tar\n  causeway pipe 4821-copper-violin-lake > backup.tar\n\n${EXIT_CODE_HELP}`,
    )
    .action(ends(pipe));

  forwardCommand(program, ends);
}

function forwardCommand(program: Command, ends: Ends): void {
  const collect = (text: string, all: readonly string[] = []): string[] => [...all, text];
  relayCommand(program, 'forward', 'forward local TCP ports to what another peer lets be connected to')
    .argument('[forward...]', '[listen address:]port:host:port, such as 8080:localhost:80')
    .option('--to <peer>', 'the peer that accepts')
    .option('--accept <host:port>', 'accept connections to this, and nothing else; may be given again', collect)
    .option('--from <peer>', 'accept from this peer only; may be given again', collect)
    .option('--secret', 'ask for the secret that both sides have')
    .option('--secret-file <file>', 'file whose first line it is (env: CAUSEWAY_SECRET)')
    .option('--insecure', 'without a secret: the relay could read and change what goes through')
    .addHelpText(
      'after',
      `\nExamples:\n  causeway forward --accept localhost:80 --as homeserver --secret\n  causeway forward --to homeserver 8080:localhost:80 --secret`,
    )
    .action(ends(forward));
}
