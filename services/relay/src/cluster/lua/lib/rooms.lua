-- The open rooms of a realm; those that have ended are dropped, some with every call. KEYS[1..2] are rooms, until:
--   rooms  hash: code -> 'end ref owner', the end in milliseconds
--   until  sorted set: code, by its end

local ROOMS, UNTIL = KEYS[1], KEYS[2]
local DROPPED_AT_ONCE = 100

for _, code in ipairs(redis.call('ZRANGEBYSCORE', UNTIL, '-inf', int(NOW), 'LIMIT', 0, DROPPED_AT_ONCE)) do
  redis.call('HDEL', ROOMS, code)
  redis.call('ZREM', UNTIL, code)
end

-- Nil for one that has ended and was not dropped yet, too.
local function open_room(code)
  local packed = redis.call('HGET', ROOMS, code)
  if not packed then return nil end
  local ends, ref, owner = string.match(packed, '^(%d+) (%d+) (.*)$')
  return tonumber(ends) > NOW and { ends = ends, ref = ref, owner = owner } or nil
end

local function save_room(code, ends, ref, owner)
  redis.call('HSET', ROOMS, code, ends .. ' ' .. ref .. ' ' .. owner)
  redis.call('ZADD', UNTIL, ends, code)
  for _, key in ipairs({ ROOMS, UNTIL }) do
    if redis.call('PTTL', key) < tonumber(ends) - NOW then redis.call('PEXPIREAT', key, ends) end
  end
end
