/** What the model of links, handover and reaping is checked for, and the rules that are broken to see that it would show. */

export interface ModelRun {
  readonly name: string;
  /** Preprocessor switches of services/relay/model/cluster.pml. */
  readonly switches: readonly string[];
  /** A rule is left out: there has to be a counterexample. */
  readonly mustFail: boolean;
  /** Takes more than half a minute: no part of `npm test`. */
  readonly slow: boolean;
}

function holds(name: string, switches: string, slow = false): ModelRun {
  return { name, switches: switches.split(' '), mustFail: false, slow };
}

function without(rule: string, switches: string): ModelRun {
  return { name: `without: ${rule}`, switches: switches.split(' '), mustFail: true, slow: false };
}

const RECIPIENTS_NODE_DIES = 'HOPS=1 SPEAKERS=1 DIES=2';
const REAPER_DIES = 'HOPS=0 SPEAKERS=1 DIES=2 DIES_TOO=1';
const LOST_AND_DEAD = 'HOPS=1 SPEAKERS=1 SESSIONS=2 FAILOVERS=1 DIES=2';

export const MODEL_RUNS: readonly ModelRun[] = [
  holds('the recipient moves once', 'HOPS=1'),
  holds('the recipient moves twice', 'HOPS=2', true),
  holds('a lost append', 'HOPS=1 SPEAKERS=1 FAILOVERS=1'),
  holds("the recipient's node dies, two senders", 'HOPS=0 DIES=2', true),
  holds("the recipient's node dies while it moves", RECIPIENTS_NODE_DIES),
  holds('the same, with a log that is trimmed late', `${RECIPIENTS_NODE_DIES} TRIM_LATE`),
  holds("a sender's node dies", 'HOPS=0 SESSIONS=2 DIES=0', true),
  holds('a node is held up for longer than its lease', 'HOPS=0 SPEAKERS=1 DIES=2 STOPPED'),
  holds('a lost append and a death', LOST_AND_DEAD, true),
  holds('the reaper dies, too', REAPER_DIES),
  holds('a node drains', 'HOPS=0 DRAINS=2'),
  without('new ways only when nothing is under way on the old', 'HOPS=1 GO_ON_EARLY'),
  without('giving back all that follows on a path', 'HOPS=2 NO_RETURNS'),
  without('keeping frames until they were read', 'HOPS=0 SPEAKERS=1 FAILOVERS=1 FORGET_AT_CONFIRM'),
  without('waiting for what was given back to be read', 'HOPS=0 DIES=2 NO_ACK_WAIT'),
  without('waiting for nodes that were given nothing', 'HOPS=0 DIES=2 NO_MARKER'),
  without("the reaper's own inbox being read first", 'HOPS=0 DIES=2 NO_OWN_MARKER'),
  without('waiting for the head of prev', 'HOPS=1 DIES=2 TURN_REGARDLESS'),
  without('a second look at whose turn it is', `${RECIPIENTS_NODE_DIES} NO_SECOND_LOOK`),
  without('refusing messages while closing', 'HOPS=0 SPEAKERS=1 DRAINS=2 ACCEPT_WHILE_CLOSING'),
  without('dropping what waits of a closed session', `${LOST_AND_DEAD} KEEP_WHAT_WAITS`),
  without('comparing the path of what comes back', `${REAPER_DIES} NO_PATH_CHECK`),
];
