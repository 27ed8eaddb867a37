import { type Command, Option } from 'commander';
import type { Ends } from '../admin/commands.ts';
import { parseRealm } from '../admin/names.ts';
import { count } from '../session.ts';
import { parseBytes, parseDuration } from '../units.ts';
import { inspect } from './inspect.ts';
import { keygen } from './keygen.ts';
import { sign } from './sign.ts';

const SECRET = 'file with the secret, for HS256';

/** `causeway token ...` */
export function tokenCommands(program: Command, ends: Ends): void {
  const token = program
    .command('token')
    .description('make and look at tokens for realms whose policy is `token`')
    .addHelpText('after', `\nExamples:\n${EXAMPLES}`);

  token
    .command('sign')
    .description('print a token for a peer')
    .requiredOption('--sub <peer>', 'peer id')
    .option('--realm <realm>', 'its realm', parseRealm, 'default')
    .addOption(
      new Option('--expires <duration>', 'from now').default(3_600_000, '1h').argParser((text) => parseDuration(text)),
    )
    .option('--not-before <duration>', 'valid only after so long', parseDuration)
    .option('--audience <name>', 'as the relay expects it')
    .option('--id <jti>', 'name by which it can be revoked (default: a random one)')
    .option('--limit-messages <n>', 'messages a second that the peer may send', count)
    .option('--limit-bytes <bytes>', 'bytes a second that the peer may send, such as 1MB', parseBytes)
    .option('--secret-file <file>', SECRET)
    .option('--key-file <file>', 'private key as a JWK, for EdDSA, ES256 and RS256')
    .action(ends(sign));

  token
    .command('inspect')
    .description('show what a token says, and whether it is good (exit code 1 if not)')
    .argument('<jwt>', 'the token; - reads it from stdin')
    .option('--secret-file <file>', SECRET)
    .option('--key-file <file>', 'key as a JWK, or a set of them, to verify with')
    .option('--json', 'print JSON')
    .action(ends(inspect));

  token
    .command('keygen')
    .description('make a key to sign with, and the key set for the relay')
    .addOption(
      new Option('--alg <algorithm>', 'what to sign with').choices(['EdDSA', 'ES256', 'RS256']).default('EdDSA'),
    )
    .requiredOption('--out-private <file>', 'new file for the private key')
    .requiredOption('--out-public <file>', 'new file for the key set')
    .option('--realms <realms>', 'realms, with commas between them, whose peers it may name (default: all)', (text) =>
      text.split(',').map(parseRealm),
    )
    .action(ends(keygen));
}

const EXAMPLES = `  causeway token keygen --out-private key.json --out-public jwks.json
  causeway token sign --sub alice --realm acme --key-file key.json --expires 15m
  openssl rand -hex 32 > secret && causeway token sign --sub alice --secret-file secret
  causeway token inspect - --key-file jwks.json < token`;
