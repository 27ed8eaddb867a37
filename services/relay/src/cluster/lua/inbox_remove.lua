-- Ends a node's own inbox, unless it is being reaped. State and links stay for a while: a late append is to learn of it.
-- include: inbox
-- flags: allow-oom
-- KEYS: state, inbox, links, tunnels
-- ARGV: keepMs
-- Replies:
--   'removed'  'superseded'

if redis.call('HGET', KEYS[1], 's') == 'reaping' then return 'superseded' end
end_inbox(ARGV[1])
return 'removed'
