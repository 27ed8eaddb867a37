-- Makes sure that a node's inbox exists. One that has been closed or removed stays so.
-- flags: allow-oom
-- KEYS: state
-- ARGV: open
-- Replies:
--   {created 0|1, 'open' | 'closing' | 'reaping' | 'reaped': the state now}

local created = redis.call('HSETNX', KEYS[1], 's', ARGV[1])
return { created, redis.call('HGET', KEYS[1], 's') }
