-- Adds a node as a watcher of a peer, drops watchers whose time is over, and tells the peer's state.
-- include: clock
-- KEYS: watch, loc
-- ARGV: node, ttlMs
-- Replies:
--   {online 0|1, at ms, epoch, node}; at and epoch are 0 when nothing is known, node is empty while the peer is offline

local ttl_ms = tonumber(ARGV[2])
local watchers = redis.call('HGETALL', KEYS[1])
for at = 1, #watchers, 2 do
  if tonumber(watchers[at + 1]) <= NOW then redis.call('HDEL', KEYS[1], watchers[at]) end
end
redis.call('HSET', KEYS[1], ARGV[1], int(NOW + ttl_ms))
if redis.call('PTTL', KEYS[1]) < ttl_ms then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end

local loc = redis.call('HMGET', KEYS[2], 'node', 'since', 'left', 'epoch')
if loc[1] then return { 1, loc[2], loc[4], loc[1] } end
return { 0, loc[3] or '0', loc[4] or '0', '' }
