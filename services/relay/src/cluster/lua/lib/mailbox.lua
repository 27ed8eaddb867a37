-- What the scripts share that touch a mailbox. Needs: clock. KEYS[1..5] are mbox, meta, count, bytes, index:
--   mbox   stream; an entry is {f = sender, d = id (8 bytes), flags (1 byte), payload}
--   meta   hash: bytes, last (last id given), seen, w:<node> (last write of that node and its reply)
--   count, bytes   sorted sets: sender -> messages, bytes in the mailbox
--   index  sorted set, ordered by name: <sender> NUL <id of fixed width>:<bytes>; finds a sender's oldest message

local MBOX, META, COUNT, BYTES, INDEX = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local MAX_WRITERS = 64
local META_FIELDS = 3
local EXPIRE_AT_ONCE = 1000
-- The keys outlive their last entry by this, so that expiry is seen entry by entry first.
local KEY_SLACK_MS = 60000

local box = { count = 0, bytes = 0, last_ms = 0, last_n = -1, seen = '' }

local function parse_id(id)
  local ms, n = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(n)
end

local function later(a, b)
  if b == '' then return a end
  if a == '' then return b end
  local a_ms, a_n = parse_id(a)
  local b_ms, b_n = parse_id(b)
  if a_ms > b_ms or (a_ms == b_ms and a_n > b_n) then return a end
  return b
end

-- Bytes that count for the cap: sender, id and payload, without the flags byte.
local function size_of(from, data)
  return #from + #data - 1
end

-- The sender stays out of format(), whose %s ends at the NUL.
local function index_member(from, ms, n, size)
  return from .. '\0' .. string.format('%016.0f-%010.0f:%.0f', ms, n, size)
end

local function forget(id, from, size)
  local ms, n = parse_id(id)
  redis.call('XDEL', MBOX, id)
  redis.call('ZREM', INDEX, index_member(from, ms, n, size))
  if tonumber(redis.call('ZINCRBY', COUNT, -1, from)) <= 0 then
    redis.call('ZREM', COUNT, from)
    redis.call('ZREM', BYTES, from)
  else
    redis.call('ZINCRBY', BYTES, -size, from)
  end
  box.count = box.count - 1
  box.bytes = box.bytes - size
end

local function clear_mailbox()
  redis.call('XTRIM', MBOX, 'MAXLEN', 0)
  redis.call('DEL', COUNT, BYTES, INDEX)
  box.count = 0
  box.bytes = 0
end

-- Loads the counts and drops what is older than the ttl, from the head, a bounded number at once.
local function open_mailbox(ttl_ms)
  local meta = redis.call('HMGET', META, 'bytes', 'last', 'seen')
  local stored_bytes = tonumber(meta[1] or 0)
  box.count = redis.call('XLEN', MBOX)
  box.bytes = stored_bytes
  if meta[2] then box.last_ms, box.last_n = parse_id(meta[2]) end
  box.seen = meta[3] or ''

  local cutoff = NOW - ttl_ms
  if box.count == 0 then
    if stored_bytes ~= 0 then clear_mailbox() end
  elseif box.last_ms <= cutoff then
    clear_mailbox()
  elseif cutoff > 0 then
    for _, entry in ipairs(redis.call('XRANGE', MBOX, '-', int(cutoff), 'COUNT', EXPIRE_AT_ONCE)) do
      forget(entry[1], entry[2][2], size_of(entry[2][2], entry[2][4]))
    end
  end
  if box.bytes ~= stored_bytes then redis.call('HSET', META, 'bytes', int(box.bytes)) end
end

-- Evicts the oldest message of the sender who holds most by the given sorted set; false when there is none.
local function evict_oldest(by, evicted)
  local sender = redis.call('ZREVRANGE', by, 0, 0)[1]
  if not sender then return false end
  local member =
    redis.call('ZRANGEBYLEX', INDEX, '[' .. sender .. '\0', '(' .. sender .. '\1', 'LIMIT', 0, 1)[1]
  if not member then return false end
  local ms, n, size = string.match(string.sub(member, #sender + 2), '^(%d+)-(%d+):(%d+)$')
  local id = int(tonumber(ms)) .. '-' .. int(tonumber(n))
  forget(id, sender, tonumber(size))
  evicted[#evicted + 1] = id
  evicted[#evicted + 1] = tonumber(size)
  return true
end

local function make_room(size, cap_count, cap_bytes, may_evict, evicted)
  if size > cap_bytes or cap_count < 1 then return false end
  if not may_evict then return box.count < cap_count and box.bytes + size <= cap_bytes end
  while box.count >= cap_count do
    if not evict_oldest(COUNT, evicted) then return false end
  end
  while box.bytes + size > cap_bytes do
    if not evict_oldest(BYTES, evicted) then return false end
  end
  return true
end

-- Appends the pairs (sender, data) of ARGV from `first` on until one does not fit. Ids of one call are consecutive.
-- Returns how many were stored, and the ms and n of the first one's id.
local function append_messages(first, cap_count, cap_bytes, may_evict, evicted)
  local ms, n = NOW, 0
  if box.last_ms >= NOW then ms, n = box.last_ms, box.last_n + 1 end
  local stored = 0
  for at = first, #ARGV, 2 do
    local from, data = ARGV[at], ARGV[at + 1]
    local size = size_of(from, data)
    if not make_room(size, cap_count, cap_bytes, may_evict, evicted) then break end
    box.last_ms, box.last_n = ms, n + stored
    redis.call('XADD', MBOX, int(ms) .. '-' .. int(n + stored), 'f', from, 'd', data)
    redis.call('ZADD', INDEX, 0, index_member(from, ms, n + stored, size))
    redis.call('ZINCRBY', COUNT, 1, from)
    redis.call('ZINCRBY', BYTES, size, from)
    box.count = box.count + 1
    box.bytes = box.bytes + size
    stored = stored + 1
  end
  return stored, ms, n
end

-- The reply of the node's last write when this one repeats it, else nil.
local function repeated_reply(writer, sequence)
  local record = redis.call('HGET', META, 'w:' .. writer)
  if not record then return nil end
  local last = cmsgpack.unpack(record)
  if sequence > last[1] then return nil end
  -- A write, so that a WAIT behind the repetition is about what the first try wrote, too.
  redis.call('HSET', META, 'w:' .. writer, record)
  return last[3]
end

local function forget_oldest_writer()
  local fields = redis.call('HGETALL', META)
  local oldest, oldest_at
  for at = 1, #fields, 2 do
    if string.sub(fields[at], 1, 2) == 'w:' then
      local written_at = cmsgpack.unpack(fields[at + 1])[2]
      if not oldest or written_at < oldest_at then oldest, oldest_at = fields[at], written_at end
    end
  end
  redis.call('HDEL', META, oldest)
end

-- Writes the counts and the reply back; every key of the mailbox lives as long as its youngest entry may.
local function save_mailbox(writer, sequence, reply, ttl_ms)
  if redis.call('HLEN', META) >= META_FIELDS + MAX_WRITERS and redis.call('HEXISTS', META, 'w:' .. writer) == 0 then
    forget_oldest_writer()
  end
  redis.call('HSET', META,
    'bytes', int(box.bytes),
    'last', int(box.last_ms) .. '-' .. int(math.max(box.last_n, 0)),
    'seen', box.seen,
    'w:' .. writer, cmsgpack.pack({ sequence, NOW, reply }))
  for key = 1, 5 do
    redis.call('PEXPIRE', KEYS[key], int(ttl_ms + KEY_SLACK_MS))
  end
end
