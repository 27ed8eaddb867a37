-- Ends a node's inbox. The state stays for a while, so that a late append or open cannot bring it back.
-- flags: allow-oom
-- KEYS: state, inbox, links
-- ARGV: keepMs
-- Replies:
--   'reaped'

redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('HSET', KEYS[1], 's', 'reaped')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 'reaped'
