/* What nodes, Redis and clients remember. */

#define LAST_EPOCH 5

/* --- Redis, {nodes}: record.state (membership.ts) --- */
#define LIVE_NODE 0
#define DEAD_NODE 1
#define REAPED_NODE 2
byte record[NODES];
#define IS_GONE(x) (record[x] != LIVE_NODE)

/* --- Redis, {n:<node>}: state and inbox (link_append.lua, inbox_*.lua, reap_*.lua) --- */
#define OPEN 0
#define CLOSING 1
#define REAPING 2
#define REAPED 3
byte inboxState[NODES];
byte reaper[NODES]; /* who holds the lock, plus 1 */
/* Entries that have not been read: sender, kind, copy, path, epoch. */
chan inbox[NODES] = [INBOX_FRAMES] of { byte, byte, byte, byte, byte };
/* Entries that have been read and not trimmed, messages only: the path of each copy, 0 for none (inbox-log.ts). */
byte logged[NODES * COPIES];
#define LOGGED(n, c) logged[(n) * COPIES + (c)]

/* --- Redis, {p:<realm>/<peer>}: location and mailbox (register.lua, mailbox_append.lua, locate_or_store.lua) --- */
byte epoch;            /* of the newest registration */
byte owner;            /* epoch of the owner, or NOBODY */
bool inPrev[LAST_EPOCH + 1];
byte nodeOf[LAST_EPOCH + 1];
/* One for each sender, since only the order of one sender's messages is promised. */
chan mailbox[SENDERS] = [SENDERS * MESSAGES] of { byte };

/* --- a node: is it running, and which peers' registrations it has (registry.ts, recipient.ts) --- */
bool alive[NODES];
bool suspected[NODES]; /* Its lease runs out: it was killed, or it is held up and will go on as if nothing was. */
bool draining[NODES];
byte own[NODES]; /* epoch of the newest registration on this node that has not ended */
#define NEVER 0
#define JOINING 1
#define LIVE 2 /* its turn has come; `catching-up` and `leaving` pass without anybody seeing a difference */
#define ENDED 3
byte mode[LAST_EPOCH + 1];
chan window[LAST_EPOCH + 1] = [COPIES] of { byte }; /* window and backlog: copies without an outcome, in order */

/* --- a node: its route to the recipient (route.ts, router.ts, returns.ts) --- */
#define UNKNOWN 0
#define REMOTE 1
#define DRAINING 2
byte routeState[NODES];
byte location[NODES]; /* the epoch stands for node and epoch, also in the two below */
byte next[NODES];
byte left[NODES];
byte path[NODES];
byte underWay[NODES];
bool held[NODES]; /* the recipient is here, and messages to its former owner are under way */
byte returnedUpTo[NODES * NODES]; /* Returns: highest path of that node from which something was given back */
#define RETURNED_UP_TO(n, from) returnedUpTo[(n) * NODES + (from)]

/* --- a node: its links to others (link.ts), unappended frames: kind, copy, path, epoch --- */
chan link[NODES * NODES] = [LINK_FRAMES] of { byte, byte, byte, byte };
bool linkClosed[NODES * NODES];
bool linkEnded[NODES * NODES];
#define BETWEEN(x, y) ((x) * NODES + (y))

/* --- a node: what it knows of each copy of its own sessions (pending.ts) --- */
#define UNSENT 0
#define QUEUED 1    /* in the queue of the route */
#define UNDER_WAY 2 /* on the route's path */
#define CAME_BACK 3
#define HERE 4      /* the owner on this node has it */
#define SETTLED 5   /* has its outcome, or nobody waits for that any more */
byte place[COPIES];
byte pathOf[COPIES];

/* --- clients --- */
byte session[SENDERS];
byte sessionNode[SESSIONS * SENDERS];
bool sessionClosed[SESSIONS * SENDERS]; /* 4002, outcome unknown */
byte toSend[SENDERS];
bool receipted[SENDERS * MESSAGES];
byte shown[SENDERS]; /* how many messages the recipient was shown */
byte current = NOBODY; /* epoch of the recipient's newest connection, or none */
byte hops;
byte failovers;

#define SENDER(c) (((c) / MESSAGES) % SENDERS)
#define NUMBER(c) ((c) % MESSAGES)
#define SESSION(c) ((c) / MESSAGES)
#define ORIGIN(c) sessionNode[SESSION(c)]

/* Registrations that have not handed over, oldest first, and whose turn it is to write; unrolled for EPOCHS <= 5. */
#define FIRST_FROM(e, rest) (inPrev[e] -> e : rest)
#define FIRST_IN_PREV FIRST_FROM(1, FIRST_FROM(2, FIRST_FROM(3, FIRST_FROM(4, FIRST_FROM(5, NOBODY)))))
#define LAST_IN_PREV FIRST_FROM(5, FIRST_FROM(4, FIRST_FROM(3, FIRST_FROM(2, FIRST_FROM(1, NOBODY)))))
#define TURN_OF (FIRST_IN_PREV != NOBODY -> FIRST_IN_PREV : owner)

/* Scratch, set before it is used in each step: no part of the state. */
hidden byte i, c, e, q, s, kind, copy, way, to, by, length;
