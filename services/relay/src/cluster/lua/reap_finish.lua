-- Ends a dead node's inbox, for the holder of the lock.
-- include: inbox
-- flags: allow-oom
-- KEYS: state, inbox, links, tunnels
-- ARGV: token, keepMs
-- Replies:
--   'finished'  'superseded'

if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 'superseded' end
end_inbox(ARGV[2])
-- A repeated call gets the same answer.
redis.call('HSET', KEYS[1], 'token', ARGV[1])
return 'finished'
