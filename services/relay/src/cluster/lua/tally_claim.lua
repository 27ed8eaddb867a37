-- Adds to what a node holds of a tally, if all living nodes together then hold at most the cap.
-- include: clock
-- KEYS: tally
-- ARGV: node, amount, cap, ttlMs
-- Replies:
--   {'claimed'}  {'full', held}

-- tally is a hash: node -> 'count until'; what its node has not repeated in time does not count.

local amount, ttl_ms = tonumber(ARGV[2]), tonumber(ARGV[4])
local held, own = 0, 0
local shares = redis.call('HGETALL', KEYS[1])
for at = 1, #shares, 2 do
  local count, ends = string.match(shares[at + 1], '^(%d+) (%d+)$')
  if tonumber(ends) <= NOW then
    redis.call('HDEL', KEYS[1], shares[at])
  else
    held = held + tonumber(count)
    if shares[at] == ARGV[1] then own = tonumber(count) end
  end
end
if held + amount > tonumber(ARGV[3]) then return { 'full', held } end
redis.call('HSET', KEYS[1], ARGV[1], int(own + amount) .. ' ' .. int(NOW + ttl_ms))
if redis.call('PTTL', KEYS[1]) < ttl_ms then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return { 'claimed' }
