/* Router.lookUp and found, with locate_or_store.lua. */

/* What a lookup answers: the owner; while registrations hand over without one, the last of them (locate_or_store.lua). */
#define LOCATED (owner != NOBODY -> owner : LAST_IN_PREV)
/* Route.distrusts */
#define DISTRUSTS(x, to) (left[x] != NOBODY && nodeOf[left[x]] == nodeOf[to] && (to) <= left[x])
#define LOOKS_UP(x) (alive[x] && own[x] == NOBODY && routeState[x] == UNKNOWN && HAS(x, QUEUED))

proctype Router(byte x) {
end:
  do
  /* Router.lookUp: nobody has the peer, so what waits is stored. */
  :: d_step {
       LOOKS_UP(x) && LOCATED == NOBODY ->
       for (c : 0 .. COPIES - 1) {
         if
         :: place[c] == QUEUED && ORIGIN(c) == x -> store(c); settle(c)
         :: else
         fi
       }
       c = 0
     }
  /* Router.found: an owner. One on this node, or that has given messages back, is waited for. */
  :: d_step {
       LOOKS_UP(x) && LOCATED != NOBODY && nodeOf[LOCATED] != x && !IS_GONE(nodeOf[LOCATED]) && !DISTRUSTS(x, LOCATED) ->
       e = LOCATED;
       redirect(x, e);
       e = 0
     }
  /* A registration of a node that is gone is ended in its name. */
  :: d_step {
       LOOKS_UP(x) && LOCATED != NOBODY && IS_GONE(nodeOf[LOCATED]) && IS_GONE(nodeOf[TURN_OF]) ->
       endInItsName(x)
     }
  od
}
