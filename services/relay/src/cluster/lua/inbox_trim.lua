-- Removes all entries before an id, and their bytes from the account; a repeated call finds none and changes nothing.
-- flags: allow-oom
-- KEYS: state, inbox
-- ARGV: minId, bytes
-- Replies:
--   entries removed

local removed = redis.call('XTRIM', KEYS[2], 'MINID', ARGV[1])
if removed > 0 then
  local left = redis.call('HINCRBY', KEYS[1], 'bytes', '-' .. ARGV[2])
  -- An empty log holds nothing, whatever the account says.
  if left < 0 or redis.call('XLEN', KEYS[2]) == 0 then redis.call('HSET', KEYS[1], 'bytes', 0) end
end
return removed
