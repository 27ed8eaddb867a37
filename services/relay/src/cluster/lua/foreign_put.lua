-- Writes or extends the reservation of a relay that is not ours, by epoch.
-- include: clock
-- KEYS: foreign, loc
-- ARGV: holder, epoch, ttlMs, data
-- Replies:
--   {'put', expiresAt}  {'conflict', epoch}

local holder, epoch = ARGV[1], tonumber(ARGV[2])
local known = redis.call('HMGET', KEYS[1], 'holder', 'epoch')
if known[1] and (tonumber(known[2]) > epoch or (tonumber(known[2]) == epoch and known[1] ~= holder)) then
  return { 'conflict', known[2] }
end
local loc = redis.call('HMGET', KEYS[2], 'node', 'epoch')
if loc[1] and tonumber(loc[2]) >= epoch then return { 'conflict', loc[2] } end

local expires_at = int(NOW + tonumber(ARGV[3]))
redis.call('HSET', KEYS[1], 'holder', holder, 'epoch', ARGV[2], 'exp', expires_at, 'data', ARGV[4])
redis.call('PEXPIREAT', KEYS[1], expires_at)
return { 'put', expires_at }
