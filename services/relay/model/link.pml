/* link.ts with link_append.lua, and inbox-reader.ts. One frame an append; numbers are implied by the order of channels. */

inline takeBack(x, y) {
  linkClosed[BETWEEN(x, y)] = true;
  length = len(link[BETWEEN(x, y)]);
  for (i : 1 .. length) {
    link[BETWEEN(x, y)] ? kind, copy, way, to;
    if
    :: kind != MESSAGE -> link[BETWEEN(x, y)] ! kind, copy, way, to
    :: kind == MESSAGE && place[copy] == UNDER_WAY && pathOf[copy] == way -> place[copy] = CAME_BACK; underWay[x]--
    :: else
    fi
  }
  i = 0; length = 0; kind = 0; copy = 0; way = 0; to = 0;
  if
  :: routeState[x] == REMOTE && nodeOf[location[x]] == y -> routeState[x] = DRAINING
  :: else
  fi;
  goOnIfDrained(x)
}

/* A session of which something is in nobody's hands: its client sends again, and nothing that it sent may come later. */
inline closeSession(x, z) {
  sessionClosed[z] = true;
#ifndef SESSIONS_CLOSE
  assert(failovers > 0); /* only what was read and lost twice may need this */
#endif
  for (q : 0 .. COPIES - 1) {
    if
    :: SESSION(q) == z && place[q] == UNDER_WAY -> place[q] = SETTLED; underWay[x]--
#ifndef KEEP_WHAT_WAITS
    :: SESSION(q) == z && (place[q] == QUEUED || place[q] == CAME_BACK) -> place[q] = SETTLED
#endif
    :: else
    fi
  }
  q = 0
}

/* Inbox state `reaped`: nothing under way there is in anybody's hands any more, since all that R gave back was read. */
inline endLink(x, y) {
  takeBack(x, y);
  linkEnded[BETWEEN(x, y)] = true;
  do
  :: nempty(link[BETWEEN(x, y)]) ->
       link[BETWEEN(x, y)] ? kind, copy, way, to;
       if
       :: kind == RECEIPT || kind == RETURNED -> LOGGED(x, copy) = 0
       :: else
       fi
  :: empty(link[BETWEEN(x, y)]) -> break
  od;
  kind = 0; copy = 0; way = 0; to = 0;
  if
  :: routeState[x] != UNKNOWN && location[x] != NOBODY && nodeOf[location[x]] == y ->
       for (c : 0 .. COPIES - 1) {
         if
         :: place[c] == UNDER_WAY && ORIGIN(c) == x -> closeSession(x, SESSION(c))
         :: else
         fi
       }
       c = 0;
       routeState[x] = DRAINING;
       goOnIfDrained(x)
  :: else
  fi
}

#define FIRST_IS_MESSAGE(x, y) (link[BETWEEN(x, y)] ? [MESSAGE, _, _, _])
#ifdef ACCEPT_WHILE_CLOSING
#define CLOSED_TO_FIRST(x, y) false
#else
#define CLOSED_TO_FIRST(x, y) (inboxState[y] == CLOSING && FIRST_IS_MESSAGE(x, y))
#endif
#define TAKES(x, y) (inboxState[y] <= CLOSING && !CLOSED_TO_FIRST(x, y))
#define REFUSES(x, y) (CLOSED_TO_FIRST(x, y) || (inboxState[y] == REAPING && len(link[BETWEEN(x, y)]) > 0))

#ifdef NO_RETURNS
#define MUST_RETURN(x, by, way) false
#else
#define MUST_RETURN(x, by, way) (way <= RETURNED_UP_TO(x, by))
#endif

proctype Link(byte x, y) {
end:
  do
  /* `ok`. A receipt or a message given back is with its node now: the log entry is settled, and trimmed. */
  :: d_step {
       alive[x] && len(link[BETWEEN(x, y)]) > 0 && TAKES(x, y) ->
       link[BETWEEN(x, y)] ? kind, copy, way, to;
       inbox[y] ! x, kind, copy, way, to;
#ifndef TRIM_LATE
       if
       :: kind == RECEIPT || kind == RETURNED -> LOGGED(x, copy) = 0
       :: else
       fi;
#endif
       kind = 0; copy = 0; way = 0; to = 0
     }
  /* `closing`, `reaping` */
  :: d_step {
       alive[x] && !linkClosed[BETWEEN(x, y)] && REFUSES(x, y) ->
       takeBack(x, y)
     }
  /* `reaped`; a probe tells, if nothing else is to be appended. */
  :: d_step {
       alive[x] && !linkEnded[BETWEEN(x, y)] && inboxState[y] == REAPED ->
       endLink(x, y)
     }
  od
}

proctype Reader(byte x) {
end:
  do
  :: d_step {
       alive[x] && len(inbox[x]) > 0 ->
       inbox[x] ? by, kind, copy, way, to;
       if
       :: kind == MESSAGE ->
            LOGGED(x, copy) = way;
            if
            :: own[x] != NOBODY && !MUST_RETURN(x, by, way) -> accept(own[x], copy)
            :: else -> giveBack(x, copy, way)
            fi
       :: kind == RECEIPT -> settle(copy)
       :: kind == RETURNED || kind == GIVEN -> cameBack(x, copy, way, to)
       :: kind == TURN -> turn(to)
       :: kind == MARKER
       fi;
       by = 0; kind = 0; copy = 0; way = 0; to = 0
     }
  od
}
