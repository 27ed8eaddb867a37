-- The write of the owner, or of the head of prev; with `final` it ends the registration. Repeatable by writer and sequence.
-- include: clock, mailbox, location, watchers
-- KEYS: mbox, meta, count, bytes, index, loc, watch
-- ARGV: node, epoch, writer, sequence, capMessages, capBytes, ttlMs, final, seen, from, data...
-- Replies:
--   {'stored', count, ms, n, {}, {} or {nextNode, nextEpoch, ownerNode, ownerEpoch, {node, ...} watchers}}
--   {'wait', headNode, headEpoch}  {'lost', ownerNode, ownerEpoch}; an absent node and its epoch are empty strings

local FIRST_MESSAGE = 10
-- `left` must be known for this long, or eviction would begin at once.
local JUST_GONE_MS = 5000

local node, epoch, writer, sequence = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local ttl_ms, final, seen = tonumber(ARGV[7]), ARGV[8] == '1', ARGV[9]

local function release_owner(loc)
  remember_ended(loc, loc.conn)
  redis.call('HDEL', LOC, 'node', 'conn')
  redis.call('HSET', LOC, 'left', int(NOW))
  redis.call('PEXPIRE', LOC, int(math.max(loc.exp - NOW, JUST_GONE_MS)))
  return { '', '', '', '', live_watchers(KEYS[7]) }
end

local function hand_over(loc)
  box.seen = later(box.seen, seen)
  if #loc.prev == 0 then return release_owner(loc) end
  remember_ended(loc, loc.prev[3])
  for _ = 1, 3 do table.remove(loc.prev, 1) end
  save_prev(loc.prev)
  local owner = owner_of(loc)
  local next_node, next_epoch = loc.prev[1] or owner[1], loc.prev[2] or owner[2]
  return { next_node, next_epoch, owner[1], owner[2], {} }
end

local before = repeated_reply(writer, sequence)
if before then return before end

local loc = load_location()
local is_owner = loc.node == node and loc.epoch == epoch
local place
for at = 1, #loc.prev, 3 do
  if loc.prev[at] == node and loc.prev[at + 1] == epoch then place = at end
end
if not is_owner and not place then
  local owner = owner_of(loc)
  return { 'lost', owner[1], owner[2] }
end
if #loc.prev > 0 and place ~= 1 then return { 'wait', loc.prev[1], loc.prev[2] } end

open_mailbox(ttl_ms)
local count, ms, n = append_messages(FIRST_MESSAGE, tonumber(ARGV[5]), tonumber(ARGV[6]), false, {})
local all_stored = count * 2 == #ARGV - FIRST_MESSAGE + 1
local reply = { 'stored', count, ms, n, {}, (final and all_stored) and hand_over(loc) or {} }
save_mailbox(writer, sequence, reply, ttl_ms)
return reply
