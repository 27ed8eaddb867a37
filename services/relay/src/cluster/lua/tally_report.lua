-- Says what a node holds of a tally, and tells what all living nodes hold.
-- include: clock
-- flags: allow-oom
-- KEYS: tally
-- ARGV: node, amount, ttlMs
-- Replies:
--   {held}

-- As in tally_claim.lua.

local held, ttl_ms = tonumber(ARGV[2]), tonumber(ARGV[3])
local shares = redis.call('HGETALL', KEYS[1])
for at = 1, #shares, 2 do
  local count, ends = string.match(shares[at + 1], '^(%d+) (%d+)$')
  if tonumber(ends) <= NOW then
    redis.call('HDEL', KEYS[1], shares[at])
  elseif shares[at] ~= ARGV[1] then
    held = held + tonumber(count)
  end
end
if ARGV[2] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. int(NOW + ttl_ms))
  if redis.call('PTTL', KEYS[1]) < ttl_ms then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
end
return { held }
