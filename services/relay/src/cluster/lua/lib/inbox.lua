-- A node's inbox. KEYS[1..4] are state, inbox, links, tunnels:
--   state    hash: s (open, closing, reaping, reaped), bytes, tbytes (of tunnels), and while it is reaped: reaper,
--            until (ms), token
--   inbox    stream of envelopes
--   links    hash: sending node -> sequence of its last frame
--   tunnels  stream of envelopes for tunnels

local function end_inbox(keep_ms)
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[4])
  redis.call('HSET', KEYS[1], 's', 'reaped')
  redis.call('PEXPIRE', KEYS[1], keep_ms)
  redis.call('PEXPIRE', KEYS[3], keep_ms)
end
