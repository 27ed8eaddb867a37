-- Appends one envelope to a node's inbox, exactly once and in order for each sending node.
-- KEYS: state, inbox, links
-- ARGV: from, first, last, exempt, inboxBytes, envelope
-- Replies:
--   'ok'  'dup'  {'gap', last}  'full'  'reaping'  'reaped'

local state = redis.call('HMGET', KEYS[1], 's', 'bytes')
if not state[1] or state[1] == 'reaped' then return 'reaped' end

local last = tonumber(redis.call('HGET', KEYS[3], ARGV[1]) or 0)
if last >= tonumber(ARGV[3]) then return 'dup' end
if state[1] == 'reaping' then return 'reaping' end
if last + 1 ~= tonumber(ARGV[2]) then return { 'gap', last } end

local envelope = ARGV[6]
if ARGV[4] == '0' and tonumber(state[2] or 0) + #envelope > tonumber(ARGV[5]) then return 'full' end
redis.call('XADD', KEYS[2], '*', 'e', envelope)
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
redis.call('HINCRBY', KEYS[1], 'bytes', #envelope)
return 'ok'
