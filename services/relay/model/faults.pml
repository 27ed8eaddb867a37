/* Deaths, a failover that forgets one append, and a drain. */

/* What a process had in its memory goes with it; what is in Redis stays. */
inline die(x) {
  alive[x] = false;
  for (i : 0 .. NODES - 1) {
    do
    :: nempty(link[BETWEEN(x, i)]) -> link[BETWEEN(x, i)] ? _, _, _, _
    :: empty(link[BETWEEN(x, i)]) -> break
    od
  }
  for (i : 1 .. LAST_EPOCH) {
    if
    :: mode[i] != NEVER && nodeOf[i] == x ->
         do
         :: nempty(window[i]) -> window[i] ? _
         :: empty(window[i]) -> break
         od
    :: else
    fi
  }
  for (i : 0 .. COPIES - 1) {
    if
    :: ORIGIN(i) == x && place[i] != UNSENT -> place[i] = SETTLED; pathOf[i] = 0
    :: else
    fi
  }
  i = 0; own[x] = NOBODY; routeState[x] = UNKNOWN; location[x] = NOBODY; next[x] = NOBODY; left[x] = NOBODY; held[x] = false; underWay[x] = 0
}

proctype Death(byte x) {
#ifdef STOPPED
  /* Held up, it looks dead to others, and goes on until a renewal is answered `dead`. */
  suspected[x] = true;
  record[x] = DEAD_NODE;
  d_step { die(x) }
#else
  d_step { suspected[x] = true; die(x) }
  /* Its lease has run out (node_declare_dead.lua). */
  record[x] = DEAD_NODE
#endif
}

/* A replica without the last append to y takes over. Its sender still has the frame, unless it knows that it was read. */
inline forgetUnread(y) {
  length = len(inbox[y]);
  for (i : 2 .. length) { inbox[y] ? by, kind, copy, way, to; inbox[y] ! by, kind, copy, way, to }
  inbox[y] ? by, kind, copy, way, to;
#ifndef FORGET_AT_CONFIRM
  if
  :: alive[by] && by != y && !linkEnded[BETWEEN(by, y)] ->
       link[BETWEEN(by, y)] ! kind, copy, way, to;
       length = len(link[BETWEEN(by, y)]);
       for (i : 2 .. length) {
         link[BETWEEN(by, y)] ? kind, copy, way, to;
         link[BETWEEN(by, y)] ! kind, copy, way, to
       }
  :: by == y -> inbox[y] ! by, kind, copy, way, to /* asked again */
  :: else
  fi;
#endif
  i = 0; length = 0; by = 0; kind = 0; copy = 0; way = 0; to = 0;
  failovers++
}

/* It had been read: only a reaper will miss it. */
inline forgetRead(y) {
  for (c : 0 .. COPIES - 1) {
    if
    :: LOGGED(y, c) != 0 && failovers < FAILOVERS -> LOGGED(y, c) = 0; failovers++
    :: else
    fi
  }
  c = 0
}
#define LOGGED_OF_FOUR(y, c) (LOGGED(y, c) + LOGGED(y, c + 1) + LOGGED(y, c + 2) + LOGGED(y, c + 3) > 0)
#if COPIES == 4
#define HAS_LOGGED(y) LOGGED_OF_FOUR(y, 0)
#elif COPIES == 8
#define HAS_LOGGED(y) (LOGGED_OF_FOUR(y, 0) || LOGGED_OF_FOUR(y, 4))
#else
#define HAS_LOGGED(y) (LOGGED_OF_FOUR(y, 0) || LOGGED_OF_FOUR(y, 4) || LOGGED_OF_FOUR(y, 8))
#endif

proctype Failover(byte y) {
end:
  do
  :: d_step { failovers < FAILOVERS && inboxState[y] != REAPED && len(inbox[y]) > 0 -> forgetUnread(y) }
  :: d_step { failovers < FAILOVERS && inboxState[y] != REAPED && len(inbox[y]) == 0 && HAS_LOGGED(y) -> forgetRead(y) }
  od
}

#define ENDED_OR(r, x) (mode[r] == NEVER || mode[r] == ENDED || nodeOf[r] != x)
#ifdef ACCEPT_WHILE_CLOSING
#define ALL_SETTLED(x) (!HAS_LOGGED(x)) /* all that was there when it closed */
#else
#define ALL_SETTLED(x) (!HAS_LOGGED(x) && len(inbox[x]) == 0)
#endif
#define HAS_READ_ALL(y, x) (len(link[BETWEEN(x, y)]) == 0 && !(inbox[y] ?? [eval(x), _, _, _, _]))

/* Relay.stop: clients are sent away, registrations hand over, the inbox takes no messages and is read to its end. */
proctype Drain(byte x) {
  draining[x] = true;
  d_step {
    ENDED_OR(1, x) && ENDED_OR(2, x) && ENDED_OR(3, x) && ENDED_OR(4, x) && ENDED_OR(5, x) ->
    inboxState[x] = CLOSING
  }
  d_step {
    ALL_SETTLED(x) && HAS_READ_ALL(0, x) && HAS_READ_ALL(1, x) && HAS_READ_ALL(2, x) ->
    inboxState[x] = REAPED;
    record[x] = REAPED_NODE;
    die(x)
  }
}
