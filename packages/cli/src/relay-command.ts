import type { Command } from 'commander';
import { urlOption } from './session.ts';

/** A subcommand with the options that all have that talk to a relay. */
export function relayCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--as <peer>', 'peer id to be known by (default: one that the relay assigns)')
    .addOption(urlOption())
    .option('--realm <realm>', 'realm of both peers', 'default')
    .option('--token <jwt>', 'token that names the peer, for realms that take tokens')
    .option('--token-file <file>', 'file that holds it, read anew for each connection')
    .option('--key-file <file>', 'private Ed25519 key (JWK), for realms that take keys')
    .option('--json', 'one JSON object a line')
    .option('--verbose', 'tell about connections on stderr');
}
