/* router.ts and route.ts: the sender's node chooses the way, and takes a new one when nothing is under way on the old. */

/* Whether node x has a copy of its own sessions in a place; COPIES is a multiple of four. */
#define IS(x, where, c) (place[c] == where && ORIGIN(c) == (x))
#define OF_FOUR(x, where, c) (IS(x, where, c) || IS(x, where, c + 1) || IS(x, where, c + 2) || IS(x, where, c + 3))
#if COPIES == 4
#define HAS(x, where) OF_FOUR(x, where, 0)
#elif COPIES == 8
#define HAS(x, where) (OF_FOUR(x, where, 0) || OF_FOUR(x, where, 4))
#else
#define HAS(x, where) (OF_FOUR(x, where, 0) || OF_FOUR(x, where, 4) || OF_FOUR(x, where, 8))
#endif

/* Router.forward and drain: all that waits goes to the owner, in the order of sending. */
inline sendQueued(x) {
  for (q : 0 .. COPIES - 1) {
    if
    :: place[q] == QUEUED && ORIGIN(q) == x ->
         place[q] = UNDER_WAY;
         underWay[x]++;
         pathOf[q] = path[x];
         link[BETWEEN(x, nodeOf[location[x]])] ! MESSAGE, q, path[x], NOBODY
    :: else
    fi
  }
  q = 0
}

/* Route.redirect to an owner; to nobody where no message gets through to its node. */
inline redirect(x, to) {
  next[x] = NOBODY;
  if
  :: (to) != NOBODY && !linkClosed[BETWEEN(x, nodeOf[to])] ->
       location[x] = to;
       routeState[x] = REMOTE;
       path[x]++;
       assert(path[x] < 250);
       sendQueued(x)
  :: else ->
       if
       :: (to) != NOBODY -> left[x] = to
       :: else
       fi;
       location[x] = NOBODY;
       routeState[x] = UNKNOWN
  fi
}

/* Router.flushToOwner. */
inline flushToOwner(x) {
  for (q : 0 .. COPIES - 1) {
    if
    :: place[q] == QUEUED && ORIGIN(q) == x -> accept(own[x], q); place[q] = HERE
    :: else
    fi
  }
  q = 0;
  left[x] = NOBODY;
  location[x] = NOBODY;
  next[x] = NOBODY;
  routeState[x] = UNKNOWN;
  held[x] = false
}

/* Router.goOnIfDrained: what came back goes first, as it stands in the order of sending before what waited. */
inline goOnIfDrained(x) {
  if
#ifdef GO_ON_EARLY
  :: routeState[x] == DRAINING ->
#else
  :: routeState[x] == DRAINING && underWay[x] == 0 ->
#endif
       for (q : 0 .. COPIES - 1) {
         if
         :: place[q] == CAME_BACK && ORIGIN(q) == x -> place[q] = QUEUED; pathOf[q] = 0
         :: else
         fi
       }
       if
       :: own[x] != NOBODY -> flushToOwner(x)
       :: else ->
            left[x] = location[x];
            e = next[x];
            if
            :: e != NOBODY && nodeOf[e] == x -> e = NOBODY
            :: else
            fi;
            redirect(x, e)
       fi
  :: else
  fi
}

#ifdef NO_PATH_CHECK
#define CAME_ON_ITS_PATH(copy, way) (place[copy] != SETTLED && underWay[ORIGIN(copy)] > 0)
#else
#define CAME_ON_ITS_PATH(copy, way) (place[copy] == UNDER_WAY && pathOf[copy] == way)
#endif

/* Router.cameBack. A reaper gives back what may have come back before, or gone elsewhere since: the path tells. */
inline cameBack(x, copy, way, owner_) {
  if
  :: CAME_ON_ITS_PATH(copy, way) ->
       place[copy] = CAME_BACK;
       underWay[x]--;
       if
       :: owner_ > next[x] && owner_ > location[x] -> next[x] = owner_
       :: else
       fi;
       routeState[x] = DRAINING;
       goOnIfDrained(x)
  :: else
  fi
}

/* Sender.receipt and Router.settled: a good outcome. */
inline settle(copy) {
  if
  :: place[copy] != SETTLED ->
       underWay[ORIGIN(copy)] = underWay[ORIGIN(copy)] - (place[copy] == UNDER_WAY -> 1 : 0);
       place[copy] = SETTLED;
       pathOf[copy] = 0;
       if
       :: session[SENDER(copy)] == SESSION(copy) / SENDERS -> receipted[copy % (SENDERS * MESSAGES)] = true
       :: else
       fi;
       goOnIfDrained(ORIGIN(copy))
  :: else
  fi
}

/* Receipts.give: to a session here at once, else over the link. */
inline receipt(x, copy) {
  if
  :: ORIGIN(copy) == x -> settle(copy)
  :: ORIGIN(copy) != x && !linkEnded[BETWEEN(x, ORIGIN(copy))] ->
       link[BETWEEN(x, ORIGIN(copy))] ! RECEIPT, copy, 0, NOBODY
  :: else -> LOGGED(x, copy) = 0
  fi
}

/* Router.giveBack: to the node of the sender, with the owner if it is known here. */
inline giveBack(x, copy_, way_) {
  if
  :: way_ > RETURNED_UP_TO(x, ORIGIN(copy_)) -> RETURNED_UP_TO(x, ORIGIN(copy_)) = way_
  :: else
  fi;
  if
  :: linkEnded[BETWEEN(x, ORIGIN(copy_))] -> LOGGED(x, copy_) = 0
  :: else ->
       link[BETWEEN(x, ORIGIN(copy_))] ! RETURNED, copy_, way_, (routeState[x] == REMOTE -> location[x] : NOBODY)
  fi
}
