-- Tells where a peer is: at a relay that is not ours, or at a node, whichever has the higher epoch.
-- flags: allow-oom
-- KEYS: foreign, loc
-- Replies:
--   {holder, epoch, expiresAt, data, native 0|1}  {}

local known = redis.call('HMGET', KEYS[1], 'holder', 'epoch', 'exp', 'data')
local loc = redis.call('HMGET', KEYS[2], 'node', 'epoch', 'exp')
local is_foreign = known[1] and not (loc[1] and tonumber(loc[2]) >= tonumber(known[2]))
if loc[1] and not is_foreign then
  return { loc[1], loc[2], loc[3], '', 1 }
end
if is_foreign then return { known[1], known[2], known[3], known[4], 0 } end
return {}
