/*
 * Three nodes, two senders, one recipient: links, handover and reaping. README.md says what is left out and why.
 *
 * A step is one turn of a node's event loop, one script in Redis, one act of a client, or one fault. What a node does
 * with the reply of a script belongs to the step of the script: a node that dies between them is one that dies after
 * the step, since what it would have told others waits in its links.
 *
 * A copy is a message as one session of its sender sent it; copies of a session are numbered in the order of sending.
 */
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef HOPS
#define HOPS 1
#endif
#ifndef SESSIONS
#define SESSIONS 1 /* of each sender, one after another */
#endif
#ifndef FAILOVERS
#define FAILOVERS 0
#endif
#ifndef SENDER_0_AT
#define SENDER_0_AT 0
#endif
#ifndef SENDER_1_AT
#define SENDER_1_AT 1
#endif
#ifndef RECIPIENT_AT
#define RECIPIENT_AT 2
#endif

#define NODES 3
#define SENDERS 2
#ifndef SPEAKERS
#define SPEAKERS SENDERS /* how many of them send */
#endif
#ifdef DIES_TOO
#define LAST_REGISTRATION (HOPS + 3)
#elif defined(DIES) || defined(DRAINS)
#define LAST_REGISTRATION (HOPS + 2)
#else
#define LAST_REGISTRATION (HOPS + 1)
#endif
#define COPIES (SESSIONS * SENDERS * MESSAGES)
#define LINK_FRAMES 8 /* enough: a full channel is an error of the model and reported as one */
#define INBOX_FRAMES 12
#define NOBODY 0 /* instead of an epoch */

/* node-frames.ts */
#define MESSAGE 1
#define RECEIPT 2
#define RETURNED 3
#define TURN 4
#define GIVEN 5  /* `returned`, from a reaper */
#define MARKER 6 /* a reaper's question whether all before it has been read */

#include "state.pml"
#include "route.pml"
#include "recipient.pml"
#include "lookup.pml"
#include "link.pml"
#include "reaper.pml"
#include "clients.pml"
#include "faults.pml"

/* What must hold when nothing can happen any more. */
proctype Judge() {
  byte m;
  timeout;
  d_step {
    assert(current != NOBODY && mode[current] == LIVE && owner == current && FIRST_IN_PREV == NOBODY);
    for (m : 0 .. SPEAKERS * MESSAGES - 1) { assert(receipted[m]); }
    for (m : 0 .. SPEAKERS - 1) { assert(shown[m] == MESSAGES); }
  }
}

init {
  d_step {
    alive[0] = true; alive[1] = true; alive[2] = true;
    sessionNode[0] = SENDER_0_AT;
    sessionNode[1] = SENDER_1_AT;
    register(RECIPIENT_AT)
  }
  atomic {
    run Router(0); run Router(1); run Router(2);
    run Reader(0); run Reader(1); run Reader(2);
    run Link(0, 1); run Link(0, 2); run Link(1, 0); run Link(1, 2); run Link(2, 0); run Link(2, 1);
    run Registration(1); run Registration(2);
    run Sender(0); run Sender(1); run Recipient();
    run Judge();
#if LAST_REGISTRATION > 2
    run Registration(3);
#endif
#if LAST_REGISTRATION > 3
    run Registration(4);
#endif
#if FAILOVERS > 0
    run Failover(0); run Failover(1); run Failover(2);
#endif
#ifdef DRAINS
    run Drain(DRAINS);
#endif
#ifdef DIES
    run Death(DIES); run Reaper((DIES + 1) % NODES, DIES); run Reaper((DIES + 2) % NODES, DIES);
#endif
#ifdef DIES_TOO
    run Death(DIES_TOO); run Reaper((DIES_TOO + 1) % NODES, DIES_TOO); run Reaper((DIES_TOO + 2) % NODES, DIES_TOO);
#endif
  }
}
