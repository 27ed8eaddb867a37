-- Books a peer's reservation in its realm, if there is room or it is booked already, and forgets those that have ended.
-- include: clock
-- KEYS: reservations
-- ARGV: peer, ttlMs, cap
-- Replies:
--   {'reserved'}  {'full', held}

-- reservations is a sorted set: peer -> until, in milliseconds.

local ttl_ms = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', int(NOW))
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  local held = redis.call('ZCARD', KEYS[1])
  if held >= tonumber(ARGV[3]) then return { 'full', held } end
end
redis.call('ZADD', KEYS[1], int(NOW + ttl_ms), ARGV[1])
if redis.call('PTTL', KEYS[1]) < ttl_ms then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return { 'reserved' }
