-- Tells a realm's amounts of an hour, and those of its peers if they are asked for.
-- flags: allow-oom
-- KEYS: hour, peers
-- ARGV: byPeer
-- Replies:
--   {hour as field, value..., peers as peer, amounts...}

return { redis.call('HGETALL', KEYS[1]), ARGV[1] == '1' and redis.call('HGETALL', KEYS[2]) or {} }
