-- Removes all envelopes for tunnels before an id, and their bytes from the account; a repeated call changes nothing.
-- flags: allow-oom
-- KEYS: state, tunnels
-- ARGV: minId, bytes, keepMs
-- Replies:
--   entries removed

local removed = redis.call('XTRIM', KEYS[2], 'MINID', ARGV[1])
if removed > 0 then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  -- Below zero, when they were removed before they were counted. An empty stream holds nothing, whatever the account
  -- says: a failover may have forgotten the removal before.
  redis.call('HINCRBY', KEYS[1], 'tbytes', '-' .. ARGV[2])
  if redis.call('XLEN', KEYS[2]) == 0 then redis.call('HSET', KEYS[1], 'tbytes', 0) end
end
return removed
