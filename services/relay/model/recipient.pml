/* recipient.ts and registry.ts: owners, and the handover from one registration to the next. */

/* The client shows a message once: the first time must be in order. */
inline present(copy_) {
  if
  :: NUMBER(copy_) == shown[SENDER(copy_)] -> shown[SENDER(copy_)]++
  :: else -> assert(NUMBER(copy_) < shown[SENDER(copy_)]) /* else it overtook the one before it */
  fi
}

/* What has been shown, or is stored already, is stored again to no effect. */
inline store(copy_) {
  if
  :: NUMBER(copy_) >= shown[SENDER(copy_)] && !(mailbox[SENDER(copy_)] ?? [eval(NUMBER(copy_))]) ->
       mailbox[SENDER(copy_)] ! NUMBER(copy_)
  :: else
  fi
}

/* Recipient.accept: shown at once by an owner that is live, if its connection still is. */
inline accept(registration, copy_) {
  window[registration] ! copy_;
  if
  :: mode[registration] == LIVE && current == registration -> present(copy_)
  :: else
  fi
}

/* Recipient.turn, read and goLive: all before have handed over, so the mailbox goes first, then what has waited. */
inline turn(registration) {
  if
  :: mode[registration] == JOINING ->
       mode[registration] = LIVE;
       if
       :: current == registration ->
            for (s : 0 .. SENDERS - 1) {
              do
              :: nempty(mailbox[s]) ->
                   mailbox[s] ? i;
                   if
                   :: i == shown[s] -> shown[s]++
                   :: else -> assert(i < shown[s])
                   fi
              :: empty(mailbox[s]) -> break
              od
            }
            s = 0;
            length = len(window[registration]);
            for (i : 1 .. length) {
              window[registration] ? s;
              present(s);
              window[registration] ! s
            }
            s = 0; i = 0; length = 0
       :: else
       fi
  :: else
  fi
}

/* Registry.pass: tells whoever is to act next; a frame to another node. */
inline pass(x) {
  to = TURN_OF;
  if
  :: to == NOBODY
  :: to != NOBODY && nodeOf[to] == x -> turn(to)
  :: else ->
       if
       :: !linkEnded[BETWEEN(x, nodeOf[to])] -> link[BETWEEN(x, nodeOf[to])] ! TURN, 0, 0, to
       :: else
       fi
  fi;
  to = 0
}

/* mailbox_append.lua with `final`, of the registration whose turn it is: out of prev, or the location is released. */
inline endTurn() {
  if
  :: FIRST_IN_PREV != NOBODY -> inPrev[FIRST_IN_PREV] = false
  :: else -> owner = NOBODY
  fi
}

/* Registry.endAs, in the name of a node that is gone. */
inline endInItsName(x) {
  endTurn();
  pass(x)
}

/* register.lua and Registry.admit. */
inline register(x) {
  epoch++;
  nodeOf[epoch] = x;
  if
  :: owner != NOBODY -> inPrev[owner] = true
  :: else
  fi;
  owner = epoch;
  current = epoch;
  own[x] = epoch;
  mode[epoch] = JOINING;
  if
  :: FIRST_IN_PREV == NOBODY -> turn(epoch)
  :: else
  fi;
  /* Router.registrationSucceeded */
  if
  :: underWay[x] > 0 || HAS(x, CAME_BACK) -> routeState[x] = DRAINING; held[x] = true
  :: else -> flushToOwner(x)
  fi
}

/* Router.leftLocal: the route to whoever owns the peer now. */
inline leftLocal(x) {
  own[x] = NOBODY;
  held[x] = false;
  e = (owner != NOBODY && nodeOf[owner] != x && !IS_GONE(nodeOf[owner]) -> owner : NOBODY);
  if
  :: routeState[x] == DRAINING -> next[x] = (e > next[x] -> e : next[x])
  :: else -> redirect(x, e)
  fi;
  e = 0
}

/* Some registration before this one was on a node that is gone: the turn may have got lost with it. */
#define WAS_ON_GONE(r, before) (before < r && IS_GONE(nodeOf[before]))
#define WAITED_FOR_GONE(r) (WAS_ON_GONE(r, 1) || WAS_ON_GONE(r, 2) || WAS_ON_GONE(r, 3) || WAS_ON_GONE(r, 4))
#define IS_HERE(r) (mode[r] != NEVER && alive[nodeOf[r]])

proctype Registration(byte r) {
end:
  do
  /* Recipient.acknowledge: the oldest delivery, which was shown. */
  :: d_step {
       IS_HERE(r) && mode[r] == LIVE && current == r && len(window[r]) > 0 ->
       window[r] ? c;
       receipt(nodeOf[r], c);
       c = 0
     }
  /* Recipient.leave to end: the client has gone; what has no outcome is written to the mailbox, which ends the registration. */
  :: d_step {
       IS_HERE(r) && mode[r] == LIVE && current != r && TURN_OF == r ->
       mode[r] = ENDED;
       endTurn();
       length = len(window[r]);
       for (i : 1 .. length) { window[r] ? c; store(c); window[r] ! c }
       i = 0;
       if
       :: own[nodeOf[r]] == r -> leftLocal(nodeOf[r])
       :: else
       fi;
       do
       :: nempty(window[r]) -> window[r] ? c; receipt(nodeOf[r], c)
       :: empty(window[r]) -> break
       od;
       c = 0; length = 0;
       pass(nodeOf[r])
     }
  /* Recipient.hasLost: it was ended in its node's name, which only comes to know of that. */
  :: d_step {
       IS_HERE(r) && mode[r] != ENDED && owner != r && !inPrev[r] ->
       mode[r] = ENDED;
       do
       :: nempty(window[r]) -> window[r] ? c;
            if
            :: ORIGIN(c) == nodeOf[r] -> place[c] = QUEUED
            :: else -> giveBack(nodeOf[r], c, LOGGED(nodeOf[r], c))
            fi
       :: empty(window[r]) -> break
       od;
       c = 0;
       if
       :: own[nodeOf[r]] == r -> leftLocal(nodeOf[r])
       :: else
       fi
     }
  /* It waits for one whose node is gone. */
  :: d_step {
       IS_HERE(r) && mode[r] == JOINING && TURN_OF != r && IS_GONE(nodeOf[TURN_OF]) && !IS_GONE(nodeOf[r]) ->
       endInItsName(nodeOf[r])
     }
#ifdef TURN_REGARDLESS
  :: d_step {
       IS_HERE(r) && mode[r] == JOINING && WAITED_FOR_GONE(r) ->
       turn(r)
     }
#endif
#ifndef NO_SECOND_LOOK
  /* What it waited for is no more, and nobody is left to say so. */
  :: d_step {
       IS_HERE(r) && mode[r] == JOINING && TURN_OF == r && WAITED_FOR_GONE(r) ->
       turn(r)
     }
#endif
  od
}
