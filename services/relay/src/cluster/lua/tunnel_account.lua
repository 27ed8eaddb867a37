-- Counts what was appended for a node's tunnels, opens their stream if there is none, and tells whether it takes more.
-- flags: allow-oom
-- KEYS: state, tunnels
-- ARGV: bytes, maxBytes, keepMs
-- Replies:
--   'ok'  'full'  'gone'  'missing'

local state = redis.call('HGET', KEYS[1], 's')
if not state then return 'missing' end
if state == 'reaping' or state == 'reaped' then return 'gone' end

if redis.call('EXISTS', KEYS[2]) == 0 then
  -- Makes an empty stream. Without a stream nothing is appended, so that nothing is left of a node that is gone.
  redis.call('XGROUP', 'CREATE', KEYS[2], 'none', '$', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', KEYS[2], 'none')
end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
local held = redis.call('HINCRBY', KEYS[1], 'tbytes', ARGV[1])
-- Where nothing waits, whatever the account says, it takes more.
if held >= tonumber(ARGV[2]) and redis.call('XLEN', KEYS[2]) > 0 then return 'full' end
return 'ok'
