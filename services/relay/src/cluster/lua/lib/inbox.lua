-- A node's inbox. KEYS[1..3] are state, inbox, links:
--   state  hash: s (open, closing, reaping, reaped), bytes, and while it is reaped: reaper, until (ms), token
--   inbox  stream of envelopes
--   links  hash: sending node -> sequence of its last frame

local function end_inbox(keep_ms)
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[1], 's', 'reaped')
  redis.call('PEXPIRE', KEYS[1], keep_ms)
  redis.call('PEXPIRE', KEYS[3], keep_ms)
end
