-- Makes a connection the owner of its peer: the next epoch, the former owner pushed to prev. Repeatable by connection.
-- include: clock, mailbox, location, watchers
-- KEYS: mbox, meta, count, bytes, index, loc, watch
-- ARGV: node, connection, resume, attempt, sticky, ttlMs, limits, mailboxTtlMs, reclaims
-- Replies:
--   {'registered', epoch, {node, epoch, ...} prev, renewed 0|1, expiresAt, limits, queued, seen, {node, ...} watchers}
--   {'peer_in_use'}  {'superseded'}  {'too_many_handovers'}

local MAX_PREV = 8
local PREV_WIDTH = 3
-- Coming back within this time counts as never having been away.
local RECONNECT_MS = 2000
-- A location with an owner outlives missed refreshes by this, beyond a second ttl.
local OWNER_SLACK_MS = 60000

local node, connection, resume, limits = ARGV[1], ARGV[2], ARGV[3], ARGV[7]
local attempt, sticky = tonumber(ARGV[4]), ARGV[5] == '1'
local ttl_ms, mailbox_ttl_ms = tonumber(ARGV[6]), tonumber(ARGV[8])

-- `before`: how many of prev's entries are older than the registration that the reply is about.
local function registered(epoch, prev, before, renewed, expires_at, granted)
  open_mailbox(mailbox_ttl_ms)
  local earlier = {}
  for at = 1, before * PREV_WIDTH, PREV_WIDTH do
    earlier[#earlier + 1] = prev[at]
    earlier[#earlier + 1] = prev[at + 1]
  end
  return { 'registered', epoch, earlier, renewed, int(expires_at), granted, box.count, box.seen, live_watchers(KEYS[7]) }
end

local loc = load_location()
local reservation = redis.call('HMGET', LOC, 'resume', 'attempt', 'limits', 'renewed', 'since')
local known_attempt = tonumber(reservation[2] or '')

if loc.node == node and loc.conn == connection then
  return registered(loc.epoch, loc.prev, #loc.prev / PREV_WIDTH, tonumber(reservation[4]), loc.exp, reservation[3])
end
for at = 1, #loc.prev, PREV_WIDTH do
  if loc.prev[at] == node and loc.prev[at + 2] == connection then
    local before = (at - 1) / PREV_WIDTH
    return registered(loc.prev[at + 1], loc.prev, before, tonumber(reservation[4]), loc.exp, reservation[3])
  end
end

for _, ended in ipairs(loc.ended) do
  if ended == connection then return { 'superseded' } end
end

if ARGV[9] ~= '0' and loc.node and tonumber(loc.epoch) > tonumber(ARGV[9]) then return { 'superseded' } end

local live = loc.exp > NOW
local same_secret = resume ~= '' and reservation[1] == resume
if live and same_secret and attempt and known_attempt and attempt < known_attempt then return { 'superseded' } end
if live and sticky and not same_secret then return { 'peer_in_use' } end
if loc.node and #loc.prev >= MAX_PREV * PREV_WIDTH then return { 'too_many_handovers' } end

local renewed = live and same_secret
if renewed then limits = reservation[3] end
local since = int(NOW)
if loc.node or (loc.left and NOW - loc.left < RECONNECT_MS) then since = reservation[5] end
if loc.node then
  loc.prev[#loc.prev + 1] = loc.node
  loc.prev[#loc.prev + 1] = loc.epoch
  loc.prev[#loc.prev + 1] = loc.conn
end
local epoch = int(math.max(tonumber(loc.epoch or 0) + 1, tonumber(ARGV[9]) + 1, NOW_US))
local expires_at = NOW + ttl_ms

redis.call('HSET', LOC,
  'node', node, 'conn', connection, 'epoch', epoch, 'exp', int(expires_at), 'resume', resume, 'attempt', ARGV[4],
  'limits', limits, 'renewed', renewed and 1 or 0, 'since', since)
redis.call('HDEL', LOC, 'left')
save_prev(loc.prev)
redis.call('PEXPIRE', LOC, int(ttl_ms * 2 + OWNER_SLACK_MS))
return registered(epoch, loc.prev, #loc.prev / PREV_WIDTH, renewed and 1 or 0, expires_at, limits)
