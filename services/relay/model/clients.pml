/* The two senders and the recipient, as the client library behaves. */

#define SENT_BY(z) (z < SPEAKERS -> MESSAGES : 0)
#define TAKES_CLIENTS(x) (alive[x] && !draining[x] && !suspected[x])

/* On a new session everything without a receipt is sent again, in order and under the same id. */
inline connectSender(x, s_) {
  session[s_]++;
  assert(session[s_] < SESSIONS);
  sessionNode[session[s_] * SENDERS + s_] = x;
  toSend[s_] = 0
}
#define ON(s_) sessionNode[session[s_] * SENDERS + (s_)]
#define CUT_OFF(s_) ((s_) < SPEAKERS && (!TAKES_CLIENTS(ON(s_)) || sessionClosed[session[s_] * SENDERS + (s_)]))

proctype Sender(byte z) {
end:
  do
  /* Sender.send and Relay.dispatch. */
  :: d_step {
       toSend[z] < SENT_BY(z) && !CUT_OFF(z) ->
       if
       :: receipted[z * MESSAGES + toSend[z]]
       :: else ->
            c = (session[z] * SENDERS + z) * MESSAGES + toSend[z];
            i = ON(z);
            place[c] = QUEUED;
            if
            :: own[i] != NOBODY && !held[i] -> place[c] = HERE; accept(own[i], c)
            :: own[i] == NOBODY && routeState[i] == REMOTE ->
                 if
                 :: linkClosed[BETWEEN(i, nodeOf[location[i]])] -> routeState[i] = DRAINING; goOnIfDrained(i)
                 :: else -> sendQueued(i)
                 fi
            :: else
            fi;
            c = 0; i = 0
       fi;
       toSend[z]++
     }
  :: d_step { CUT_OFF(z) && TAKES_CLIENTS(0) -> connectSender(0, z) }
  :: d_step { CUT_OFF(z) && TAKES_CLIENTS(1) -> connectSender(1, z) }
  :: d_step { CUT_OFF(z) && TAKES_CLIENTS(2) -> connectSender(2, z) }
  od
}

proctype Recipient() {
end:
  do
  /* It leaves when it likes, or because its node has gone; its node notices later, or is told by the next registration. */
  :: d_step { current != NOBODY && hops < HOPS && TAKES_CLIENTS(nodeOf[current]) -> hops++; current = NOBODY }
  :: d_step { current != NOBODY && !TAKES_CLIENTS(nodeOf[current]) -> current = NOBODY }
  :: d_step { current == NOBODY && TAKES_CLIENTS(0) -> register(0) }
  :: d_step { current == NOBODY && TAKES_CLIENTS(1) -> register(1) }
  :: d_step { current == NOBODY && TAKES_CLIENTS(2) -> register(2) }
  od
}
