-- Takes a node off the list. One that was declared dead stays there.
-- include: nodes
-- flags: allow-oom
-- KEYS: nodes
-- ARGV: node
-- Replies:
--   'left'

local known = load_node(ARGV[1])
if known and known.state ~= 'dead' and known.state ~= 'reaped' then redis.call('HDEL', NODES, ARGV[1]) end
return 'left'
