-- Appends one envelope to what a node takes in for tunnels, exactly once and in order within a run of the sending node.
-- KEYS: state, tunnels, from
-- ARGV: from, run, sequence, maxBytes, keepMs, rememberMs, envelope
-- Replies:
--   'ok'  'dup'  'gap'  'full'  'gone'  'missing'

-- from is a hash: sending node -> 'run:sequence' of its last envelope.

local state = redis.call('HMGET', KEYS[1], 's', 'tbytes')
if not state[1] then return 'missing' end
if state[1] == 'reaping' or state[1] == 'reaped' then return 'gone' end

local run, sequence = tonumber(ARGV[2]), tonumber(ARGV[3])
local known_run, known_sequence = string.match(redis.call('HGET', KEYS[3], ARGV[1]) or '0:0', '^(%d+):(%d+)$')
known_run, known_sequence = tonumber(known_run), tonumber(known_sequence)
if run < known_run or (run == known_run and sequence <= known_sequence) then return 'dup' end
if sequence ~= (run == known_run and known_sequence or 0) + 1 then return 'gap' end

local envelope, held = ARGV[7], tonumber(state[2] or 0)
if held + #envelope > tonumber(ARGV[4]) then
  if redis.call('XLEN', KEYS[2]) > 0 then return 'full' end
  -- Nothing waits, whatever the account says; and an envelope that is too large by itself would never get there.
  held = 0
end
redis.call('XADD', KEYS[2], '*', 'e', envelope)
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2] .. ':' .. ARGV[3])
redis.call('HSET', KEYS[1], 'tbytes', held + #envelope)
redis.call('PEXPIRE', KEYS[2], ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[6])
return 'ok'
