-- Creates a node's inbox. An inbox that has been closed or removed stays so.
-- KEYS: state
-- ARGV: open
-- Replies:
--   'open' | 'reaping' | 'reaped': the state now

redis.call('HSETNX', KEYS[1], 's', ARGV[1])
return redis.call('HGET', KEYS[1], 's')
