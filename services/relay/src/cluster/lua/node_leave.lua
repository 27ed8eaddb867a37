-- Takes a node off the list. One that was declared dead stays there until it has been reaped.
-- flags: allow-oom
-- KEYS: nodes
-- ARGV: node
-- Replies:
--   'left'

local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and cjson.decode(known).state ~= 'dead' then redis.call('HDEL', KEYS[1], ARGV[1]) end
return 'left'
