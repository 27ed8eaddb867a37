/* A survivor, x, reads the log of a dead node, d, gives everything back to the nodes it came from, and ends the inbox. */

inline give(x, copy_, way_) {
  if
  :: ORIGIN(copy_) == x -> cameBack(x, copy_, way_, NOBODY)
  :: ORIGIN(copy_) != x && alive[ORIGIN(copy_)] -> link[BETWEEN(x, ORIGIN(copy_))] ! GIVEN, copy_, way_, NOBODY
  :: else /* a dead sender's node: its client sends again */
  fi
}

#define THIRD(x, d) (NODES - (x) - (d))
/* Something that x appended, or is going to, has not been read by y. */
#define UNREAD_BY(x, y) (inbox[y] ?? [eval(x), GIVEN, _, _, _] || inbox[y] ?? [eval(x), MARKER, _, _, _])
#define UNAPPENDED(x, y) (link[BETWEEN(x, y)] ?? [GIVEN, _, _, _] || link[BETWEEN(x, y)] ?? [MARKER, _, _, _])
#define ACKNOWLEDGED(x, y) (IS_GONE(y) || (!UNREAD_BY(x, y) && !UNAPPENDED(x, y)))
#ifdef NO_ACK_WAIT
#define ALL_ACKNOWLEDGED(x, d) true
#else
#define ALL_ACKNOWLEDGED(x, d) (ACKNOWLEDGED(x, THIRD(x, d)) && !UNREAD_BY(x, x))
#endif
#define MAY_REAP(x) (alive[x] && !IS_GONE(x))
/* reaper[d] - 1 would be out of range for no reaper. */
#define LOCK_IS_FREE(x, d) (reaper[d] == 0 || (reaper[d] != x + 1 && IS_GONE((reaper[d] + NODES - 1) % NODES)))

proctype Reaper(byte x, d) {
end:
  do
  /* reap_take.lua: the lock, and `reaping` in the same step. The lock of a reaper that is gone runs out. */
  :: d_step {
       MAY_REAP(x) && record[d] == DEAD_NODE && LOCK_IS_FREE(x, d) ->
       reaper[d] = x + 1;
       inboxState[d] = REAPING;
       for (c : 0 .. COPIES - 1) {
         if
         :: LOGGED(d, c) != 0 -> give(x, c, LOGGED(d, c))
         :: else
         fi
       }
       c = 0;
       length = len(inbox[d]);
       for (s : 1 .. length) {
         inbox[d] ? by, kind, copy, way, to;
         inbox[d] ! by, kind, copy, way, to;
         if
         :: kind == MESSAGE -> give(x, copy, way)
         :: else
         fi
       }
       s = 0; length = 0; by = 0; kind = 0; copy = 0; way = 0; to = 0;
#ifndef NO_MARKER
#ifndef NO_OWN_MARKER
       inbox[x] ! x, MARKER, 0, 0, NOBODY;
#endif
       if
       :: alive[THIRD(x, d)] -> link[BETWEEN(x, THIRD(x, d))] ! MARKER, 0, 0, NOBODY
       :: else
       fi
#endif
     }
  /* reap_finish.lua and node_bury.lua, when all live nodes have read what was given back. */
  :: d_step {
       MAY_REAP(x) && reaper[d] == x + 1 && inboxState[d] == REAPING && ALL_ACKNOWLEDGED(x, d) ->
       inboxState[d] = REAPED;
       record[d] = REAPED_NODE;
       do
       :: nempty(inbox[d]) -> inbox[d] ? _, _, _, _, _
       :: empty(inbox[d]) -> break
       od;
       for (c : 0 .. COPIES - 1) { LOGGED(d, c) = 0 }
       c = 0
     }
  od
}
