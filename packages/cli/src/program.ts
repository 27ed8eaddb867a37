import { Command, CommanderError } from 'commander';
import { adminCommands, type Ends } from './admin/commands.ts';
import { EXIT_CODE_HELP, ExitCode } from './exit-codes.ts';
import { failureOf } from './failure.ts';
import { listen } from './listen.ts';
import { peers } from './peers.ts';
import { relayCommand } from './relay-command.ts';
import { send } from './send.ts';
import { count, timeoutOption } from './session.ts';
import { start } from './start.ts';
import { tokenCommands } from './token/commands.ts';
import { tunnelCommands } from './tunnels/commands.ts';

/** Runs the command line and returns the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  let exitCode: number = ExitCode.ok;
  const ends: Ends =
    (action) =>
    async (...args) => {
      exitCode = await action(...args);
    };
  const program = new Command('causeway')
    .description('Send and receive through Causeway relays, start one, and look after a cluster.')
    .exitOverride()
    .showHelpAfterError('(--help tells more)')
    .addHelpText('after', `\nExamples:\n${EXAMPLES}\n\n${EXIT_CODE_HELP}`);

  program
    .command('start')
    .description('run a relay in the foreground; CAUSEWAY_* variables configure it')
    .option('--port <port>', 'public port (default: 7070)')
    .option('--redis <url>', 'share state with other relays through Redis (default: one relay by itself)')
    .addHelpText('after', '\nExamples:\n  causeway start\n  causeway start --port 7080 --redis redis://127.0.0.1:6379')
    .action(ends(start));

  relayCommand(program, 'listen', 'print the messages that arrive')
    .option('--count <n>', 'end after so many messages', count)
    .addHelpText(
      'after',
      `\nA payload that is not plain text is printed as base64:<data>.\n\nExamples:\n  causeway listen --as bob\n  causeway listen --as bob --count 1 --json`,
    )
    .action(ends(listen));

  relayCommand(program, 'send', 'send one message and print its receipt: delivered or queued')
    .argument('<to>', 'peer id of the recipient')
    .argument('[text]', 'the message (default: stdin)')
    .option('--no-store', 'only deliver to a recipient that is online')
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      `\nExamples:\n  causeway send --as alice bob "hello"\n  echo hello | causeway send --as alice bob\n\n${EXIT_CODE_HELP}`,
    )
    .action(ends(send));

  relayCommand(program, 'peers', 'tell which peers are online (exit code 1 if any is not)')
    .argument('<peer...>', 'peer ids to ask about, at most 256')
    .option('--watch', 'go on and print each change')
    .addOption(timeoutOption())
    .addHelpText('after', '\nExamples:\n  causeway peers alice bob\n  causeway peers --watch --json alice bob')
    .action(ends(peers));

  tunnelCommands(program, ends);
  adminCommands(program, ends);
  tokenCommands(program, ends);

  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    const failure = failureOf(error);
    process.stderr.write(`causeway: ${failure.message}\n`);
    return failure.exitCode;
  }
}

const EXAMPLES = `  causeway start                          run a relay on port 7070
  causeway listen --as bob                in a second terminal
  causeway send --as alice bob "hello"    in a third
  causeway send-file report.pdf           to another machine, by a code
  causeway admin top                      live rates of a cluster
  causeway token --help                   tokens for realms that ask for them`;
