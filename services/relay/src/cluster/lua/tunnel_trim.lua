-- Removes all envelopes for tunnels before an id, and their bytes from the account; a repeated call changes nothing.
-- flags: allow-oom
-- KEYS: state, tunnels
-- ARGV: minId, bytes
-- Replies:
--   entries removed

local removed = redis.call('XTRIM', KEYS[2], 'MINID', ARGV[1])
if removed > 0 then
  local left = redis.call('HINCRBY', KEYS[1], 'tbytes', '-' .. ARGV[2])
  -- An empty stream holds nothing, whatever the account says: a failover may have forgotten the trim before.
  if left < 0 or redis.call('XLEN', KEYS[2]) == 0 then redis.call('HSET', KEYS[1], 'tbytes', 0) end
end
return removed
