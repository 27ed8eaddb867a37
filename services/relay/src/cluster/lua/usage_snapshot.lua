-- Replaces a node's snapshot, and drops those that have ended.
-- include: clock
-- KEYS: top
-- ARGV: node, ttlMs, text
-- Replies:
--   {}

-- top is a hash: node -> the end of its snapshot in milliseconds, a line feed, the text.

local snapshots = redis.call('HGETALL', KEYS[1])
for at = 1, #snapshots, 2 do
  if tonumber(string.match(snapshots[at + 1], '^%d+')) <= NOW then redis.call('HDEL', KEYS[1], snapshots[at]) end
end
redis.call('HSET', KEYS[1], ARGV[1], int(NOW + tonumber(ARGV[2])) .. '\n' .. ARGV[3])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return {}
