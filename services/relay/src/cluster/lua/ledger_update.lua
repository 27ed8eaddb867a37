-- Books changes of a realm's stored messages by time slice and drops the slices that have passed.
-- flags: allow-oom
-- KEYS: stored
-- ARGV: oldestSlice, keepMs, slice, messages, bytes...
-- Replies:
--   {bytes held, messages expired, bytes expired}

-- stored is a hash: m:<slice> -> messages, b:<slice> -> bytes. A slice below zero has lost an addition: it counts as 0.

local oldest = tonumber(ARGV[1])
for at = 3, #ARGV, 3 do
  if tonumber(ARGV[at]) >= oldest then
    redis.call('HINCRBY', KEYS[1], 'm:' .. ARGV[at], ARGV[at + 1])
    redis.call('HINCRBY', KEYS[1], 'b:' .. ARGV[at], ARGV[at + 2])
  end
end

local held, expired = 0, { m = 0, b = 0 }
local fields = redis.call('HGETALL', KEYS[1])
for at = 1, #fields, 2 do
  local unit, slice = string.sub(fields[at], 1, 1), tonumber(string.sub(fields[at], 3))
  local amount = math.max(tonumber(fields[at + 1]), 0)
  if slice < oldest then
    expired[unit] = expired[unit] + amount
    redis.call('HDEL', KEYS[1], fields[at])
  elseif unit == 'b' then
    held = held + amount
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { held, expired.m, expired.b }
