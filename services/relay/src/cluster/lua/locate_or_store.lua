-- Finds a peer's owner, or appends to its mailbox when there is none; never both. Repeatable by writer and sequence.
-- include: clock, mailbox, location
-- KEYS: mbox, meta, count, bytes, index, loc
-- ARGV: writer, sequence, capMessages, capBytes, ttlMs, from, data...
-- Replies:
--   {'located', node, epoch}
--   {'stored', count, ms, n, {id, bytes, ...} evicted}; the ids are <ms>-<n>, <ms>-<n+1>, ...

-- A peer that has just gone is likely to be back: until then a full mailbox refuses rather than evicts.
local EVICT_AFTER_MS = 2000

local writer, sequence, ttl_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[5])
local FIRST_MESSAGE = 6
local only_looks = #ARGV < FIRST_MESSAGE

if not only_looks then
  local before = repeated_reply(writer, sequence)
  if before then return before end
end

local loc = load_location()
if loc.node then return { 'located', loc.node, loc.epoch } end
if #loc.prev > 0 then return { 'located', loc.prev[#loc.prev - 2], loc.prev[#loc.prev - 1] } end
if only_looks then return { 'stored', 0, 0, 0, {} } end

open_mailbox(ttl_ms)
local may_evict = not loc.left or NOW - loc.left >= EVICT_AFTER_MS
local evicted = {}
local count, ms, n = append_messages(FIRST_MESSAGE, tonumber(ARGV[3]), tonumber(ARGV[4]), may_evict, evicted)
local reply = { 'stored', count, ms, n, evicted }
save_mailbox(writer, sequence, reply, ttl_ms)
return reply
