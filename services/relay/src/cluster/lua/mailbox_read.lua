-- Reads entries in order, expired ones left out.
-- include: clock, mailbox
-- flags: allow-oom
-- KEYS: mbox, meta, count, bytes, index
-- ARGV: after, count, bytes, ttlMs
-- Replies:
--   {id, from, data, ...}; the first entry always, then as long as fewer than `bytes` have been taken

local after, limit, limit_bytes, ttl_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

open_mailbox(ttl_ms)
-- A replica that took over lacks what the reader has read, and by a clock that lags behind it would give what comes now
-- a lower id. So ids go on behind the reader's, and everything comes again: the clients know what they were shown.
local last = int(box.last_ms) .. '-' .. int(math.max(box.last_n, 0))
if after ~= '' and after ~= last and later(after, last) == after then
  redis.call('HSET', META, 'last', after)
  redis.call('PEXPIRE', META, int(ttl_ms + KEY_SLACK_MS))
  after = ''
end
-- What the bounded expiry has left is skipped here.
local from = int(math.max(NOW - ttl_ms + 1, 0)) .. '-0'
if after ~= '' then
  local ms, n = parse_id(after)
  from = later(int(ms) .. '-' .. int(n + 1), from)
end

-- Entries that are expected to make up the rest of the bytes: what is read beyond it is copied for nothing.
local function wanted(taken, taken_bytes)
  local average = box.bytes / math.max(box.count, 1)
  local count = math.ceil((limit_bytes - taken_bytes) / math.max(average, 1))
  return math.min(math.max(count, 1), limit - taken)
end

local reply, taken, taken_bytes = {}, 0, 0
while taken < limit and (taken == 0 or taken_bytes < limit_bytes) do
  local count = wanted(taken, taken_bytes)
  local entries = redis.call('XRANGE', MBOX, from, '+', 'COUNT', int(count))
  for _, entry in ipairs(entries) do
    if taken > 0 and taken_bytes >= limit_bytes then break end
    local sender, data = entry[2][2], entry[2][4]
    reply[#reply + 1] = entry[1]
    reply[#reply + 1] = sender
    reply[#reply + 1] = data
    taken = taken + 1
    taken_bytes = taken_bytes + size_of(sender, data)
    from = '(' .. entry[1]
  end
  if #entries < count then break end
end
return reply
