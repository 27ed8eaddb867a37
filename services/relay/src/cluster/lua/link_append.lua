-- Appends one envelope to a node's inbox, exactly once and in order for each sending node.
-- KEYS: state, inbox, links
-- ARGV: from, first, last, acked, exempt, inboxBytes, envelope
-- Replies:
--   'ok'  'dup'  {'gap', last}  'full'  'closing'  'reaping'  {'reaped', last}  'missing'

local state = redis.call('HMGET', KEYS[1], 's', 'bytes')
if not state[1] then return 'missing' end

local last = tonumber(redis.call('HGET', KEYS[3], ARGV[1]) or 0)
local first, exempt = tonumber(ARGV[2]), ARGV[5] == '1'
if state[1] == 'reaped' then return { 'reaped', last } end
if last >= tonumber(ARGV[3]) then return 'dup' end
if state[1] == 'reaping' then return 'reaping' end
if state[1] == 'closing' and not exempt then return 'closing' end
if last >= first or math.max(last, tonumber(ARGV[4])) + 1 < first then return { 'gap', last } end

local envelope = ARGV[7]
if not exempt and tonumber(state[2] or 0) + #envelope > tonumber(ARGV[6]) then return 'full' end
redis.call('XADD', KEYS[2], '*', 'e', envelope)
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
redis.call('HINCRBY', KEYS[1], 'bytes', #envelope)
return 'ok'
