-- Takes no messages from now on; the log stays.
-- flags: allow-oom
-- KEYS: state, inbox
-- ARGV: closing
-- Replies:
--   id of the last entry there ever was; '0-0' for none

if redis.call('HGET', KEYS[1], 's') == 'open' then redis.call('HSET', KEYS[1], 's', ARGV[1]) end
if redis.call('EXISTS', KEYS[2]) == 0 then return '0-0' end
local info = redis.call('XINFO', 'STREAM', KEYS[2])
for at = 1, #info, 2 do
  if info[at] == 'last-generated-id' then return info[at + 1] end
end
