-- Refuses appends from now on; the log stays.
-- flags: allow-oom
-- KEYS: state
-- ARGV: reaping
-- Replies:
--   the state now, or '' for an inbox that never was

local state = redis.call('HGET', KEYS[1], 's')
if state ~= 'open' then return state or '' end
redis.call('HSET', KEYS[1], 's', ARGV[1])
return ARGV[1]
