-- Ends the reservation of a relay that is not ours, unless it has a higher epoch.
-- flags: allow-oom
-- KEYS: foreign
-- ARGV: epoch
-- Replies:
--   {'deleted'}  {'missing'}  {'conflict', epoch}

local known = redis.call('HGET', KEYS[1], 'epoch')
if not known then return { 'missing' } end
if tonumber(known) > tonumber(ARGV[1]) then return { 'conflict', known } end
redis.call('DEL', KEYS[1])
return { 'deleted' }
