import { type Command, Option } from 'commander';
import { count, timeoutOption } from '../session.ts';
import { parseBytes, parseCount, parseDuration } from '../units.ts';
import { ALLOW_LISTS, access, add, BANS, type List, list, REVOCATIONS, remove } from './access.ts';
import { getLimits, limitsHistory, rollback, setLimits, unsetLimits } from './limits.ts';
import { consistency, drain, nodes, rebalance } from './nodes.ts';
import { allow, disconnect, erase, peer, purge } from './peers.ts';
import { deleteReservation, getReservation, putReservation } from './reservations.ts';
import { top } from './top.ts';
import { audit, usage } from './usage.ts';

/** Makes an action's exit code the program's. */
export type Ends = <Args extends unknown[]>(
  action: (...args: Args) => Promise<number>,
) => (...args: Args) => Promise<void>;

const PEER = ['<realm/peer>', 'such as acme/alice'] as const;

/** A command with the options that all have that use the admin API. */
function leaf(parent: Command, name: string, description: string, options: { isDefault?: boolean } = {}): Command {
  return parent
    .command(name, options)
    .description(description)
    .addOption(
      new Option('--url <url>', 'admin port of any relay of the cluster')
        .env('CAUSEWAY_ADMIN_URL')
        .default('http://127.0.0.1:7071'),
    )
    .option('--token <token>', 'admin token, which other users of this machine may see (env: CAUSEWAY_ADMIN_TOKEN)')
    .option('--token-file <file>', 'file that holds the admin token (env: CAUSEWAY_ADMIN_TOKEN_FILE)')
    .option('--json', 'print what the API answers')
    .addOption(timeoutOption());
}

function group(parent: Command, name: string, description: string, examples: string): Command {
  return parent.command(name).description(description).addHelpText('after', `\nExamples:\n${examples}`);
}

/** `causeway admin ...` */
export function adminCommands(program: Command, ends: Ends): void {
  const admin = group(program, 'admin', 'look at, limit and change a running cluster through its admin API', EXAMPLES);
  nodeCommands(admin, ends);
  peerCommands(admin, ends);
  accessCommands(admin, ends);
  limitCommands(admin, ends);
  usageCommands(admin, ends);
  reservationCommands(admin, ends);
}

function nodeCommands(admin: Command, ends: Ends): void {
  leaf(admin, 'nodes', 'all nodes, their state and their load').action(ends(nodes));
  leaf(admin, 'drain', 'have a node send all its clients away and end')
    .argument('[node]', 'its id (default: the node that is asked)')
    .action(ends(drain));
  leaf(admin, 'rebalance', 'have a node send its surplus of clients to others')
    .argument('[node]', 'its id (default: the node that is asked)')
    .option('--limit <n>', 'clients to send away at most', count)
    .action(ends(rebalance));
  leaf(
    admin,
    'consistency',
    'compare what the node counts, holds and has in Redis (exit code 1 if they differ)',
  ).action(ends(consistency));
}

function peerCommands(admin: Command, ends: Ends): void {
  leaf(admin, 'peer', 'what is known of a peer')
    .argument(...PEER)
    .action(ends(peer));
  leaf(admin, 'disconnect', 'close the connection of a peer')
    .argument(...PEER)
    .option('--reason <text>', 'told to the client')
    .action(ends(disconnect));
  leaf(admin, 'purge', 'throw away what waits in the mailbox of a peer')
    .argument(...PEER)
    .action(ends(purge));
  leaf(admin, 'erase', 'disconnect a peer and forget all about it')
    .argument(...PEER)
    .option('--yes', 'do not ask')
    .action(ends(erase));
  leaf(admin, 'allow', 'take from the limits of a peer, and tell whether they allow it (exit code 1 if not)')
    .argument(...PEER)
    .option('--messages <n>', 'messages to take', parseCount, 1)
    .option('--bytes <bytes>', 'bytes to take, such as 64KiB', parseBytes, 0)
    .action(ends(allow));
}

function accessCommands(admin: Command, ends: Ends): void {
  leaf(admin, 'access', 'all bans, allow lists and revocations').action(ends(access));
  const bans = group(admin, 'ban', 'keep out peers, realms or addresses', BAN_EXAMPLES);
  listCommands(bans, ends, BANS, 'peer:<realm>/<peer>, realm:<realm> or address:<address or range>');
  const allowLists = group(admin, 'allow-list', 'of a realm, let in nobody else', ALLOW_LIST_EXAMPLES);
  listCommands(allowLists, ends, ALLOW_LISTS, 'peer:<realm>/<peer>, or address:<address or range> with --realm');
  const revocations = group(admin, 'revoke', 'void tokens before they expire', REVOKE_EXAMPLES);
  listCommands(revocations, ends, REVOCATIONS, 'peer:<realm>/<peer>, realm:<realm>, or token:<jti> with --realm');
}

function listCommands(parent: Command, ends: Ends, which: List, targets: string): void {
  const adding = leaf(parent, 'add', 'add to the list, in force on all nodes within a second', { isDefault: true })
    .argument('<what>', targets)
    .option('--for <duration>', 'such as 90s, 2h or 7d (default: for ever)', parseDuration)
    .option('--reason <text>', 'for those who look later');
  if (which !== BANS) adding.option('--realm <realm>', 'realm in which it holds');
  adding.action(ends(add(which)));
  leaf(parent, 'list', 'all that are on the list').action(ends(list(which)));
  leaf(parent, 'remove', 'take one off the list')
    .argument('<id>', 'as `list` shows it')
    .action(ends(remove(which)));
}

function limitCommands(admin: Command, ends: Ends): void {
  const limits = group(admin, 'limits', 'what the cluster, realms and peers may send and hold', LIMIT_EXAMPLES);
  const scope = ['<scope>', 'cluster, defaults, realm:<realm> or peer:<realm>/<peer>'] as const;
  leaf(limits, 'get', 'what is set, and for a realm or a peer also what holds for it')
    .argument('[scope]', `${scope[1]} (default: all)`)
    .action(ends(getLimits));
  leaf(limits, 'set', 'change some limits of a scope, on all nodes within a second')
    .argument(...scope)
    .argument('<key=value...>', 'see below')
    .option('--note <text>', 'why, for the history')
    .addHelpText('after', `\n${LIMIT_KEYS}`)
    .action(ends(setLimits));
  leaf(limits, 'unset', 'take limits of a scope out, so that they are inherited')
    .argument(...scope)
    .argument('<key...>', 'as of `limits set`')
    .option('--note <text>', 'why, for the history')
    .action(ends(unsetLimits));
  leaf(limits, 'history', 'the last 20 versions, newest first, and what each has changed').action(ends(limitsHistory));
  leaf(limits, 'rollback', 'make an earlier version the newest')
    .argument('<version>', 'as `limits history` shows it', count)
    .action(ends(rollback));
}

function usageCommands(admin: Command, ends: Ends): void {
  leaf(admin, 'usage', 'messages, bytes and connections by realm and hour')
    .option('--realm <realm>', 'of this realm only')
    .option('--from <time>', 'from this hour on: ISO 8601, or 24h for so long ago')
    .option('--to <time>', 'up to this hour')
    .option('--peers', 'also by peer')
    .option('--csv', 'print CSV')
    .action(ends(usage));
  leaf(admin, 'audit', 'what operators have changed, newest first')
    .option('--count <n>', 'at most so many', count)
    .action(ends(audit));
  leaf(admin, 'top', 'live rates of the busiest realms and peers')
    .addOption(
      new Option('--interval <duration>', 'between two looks')
        .default(2000, '2s')
        .argParser((text) => parseDuration(text)),
    )
    .option('--count <n>', 'of each at most so many', count, 20)
    .option('--once', 'look once')
    .action(ends(top));
}

function reservationCommands(admin: Command, ends: Ends): void {
  const examples = '  causeway admin reservation put acme/alice --holder relay-7 --epoch 1 --for 1h';
  const reservation = group(admin, 'reservation', 'reservations, also of relays of another make', examples);
  leaf(reservation, 'get', 'who holds the reservation of a peer')
    .argument(...PEER)
    .action(ends(getReservation));
  leaf(reservation, 'put', 'take or renew the reservation of a peer')
    .argument(...PEER)
    .requiredOption('--holder <name>', 'who holds it')
    .requiredOption('--epoch <n>', 'higher than that of the holder before', parseCount)
    .requiredOption('--for <duration>', 'such as 1h', parseDuration)
    .option('--data <text>', 'kept with it')
    .action(ends(putReservation));
  leaf(reservation, 'delete', 'give a reservation up')
    .argument(...PEER)
    .requiredOption('--epoch <n>', 'at which it is held', parseCount)
    .action(ends(deleteReservation));
}

const EXAMPLES = `  causeway admin nodes
  causeway admin limits set realm:acme messages=5000/s bytes=20MB/s
  causeway admin ban add peer:acme/mallory --for 2h --reason spam
  causeway admin top`;

const BAN_EXAMPLES = `  causeway admin ban add peer:acme/mallory --for 2h --reason spam
  causeway admin ban add address:192.0.2.0/24
  causeway admin ban list
  causeway admin ban remove 7f3a`;

const ALLOW_LIST_EXAMPLES = `  causeway admin allow-list add peer:acme/alice
  causeway admin allow-list add address:10.0.0.0/8 --realm acme`;

const REVOKE_EXAMPLES = `  causeway admin revoke token:4c1f --realm acme
  causeway admin revoke add peer:acme/alice --reason "lost laptop"`;

const LIMIT_EXAMPLES = `  causeway admin limits get
  causeway admin limits set cluster messages=100000/s
  causeway admin limits set defaults peer.messages=50/s peer.messages-burst=200
  causeway admin limits set realm:acme messages=5000/s bytes=20MB/s mailbox-bytes=1GiB
  causeway admin limits set peer:acme/alice messages=none --note "load test"
  causeway admin limits unset realm:acme bytes
  causeway admin limits history
  causeway admin limits rollback 3`;

const LIMIT_KEYS = `Keys:
  messages, bytes               rates: 50/s, 300/min, 1000/h; 20MB/s, 1MiB/s
  messages-burst, bytes-burst   what may pass at once: 200; 40MB
and of realm:<realm> and defaults, where those are of the realm's peers together:
  peer.messages, peer.bytes, peer.messages-burst, peer.bytes-burst   of each peer
  connections, reservations, watched, rooms, mailbox-bytes           what the realm may hold: 1000; 1GiB
  auth                                                               open, open-sticky, token or key
Values: "none" lifts a limit, also one that would be inherited; "unset" takes it out, so that it is inherited.

Examples:
${LIMIT_EXAMPLES}`;
