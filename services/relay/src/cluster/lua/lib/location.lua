-- A peer's location. Needs: clock. KEYS[6] is loc, a hash:
--   node, conn   the owner; absent while the peer is offline
--   epoch        of the last registration
--   prev         JSON array [node, epoch, conn, ...] of earlier registrations that have not handed over, oldest first
--   ended        JSON array of the last connections whose registration has ended
--   exp, resume, attempt, limits, renewed   the reservation
--   since, left  ms when the peer came online, and when it went offline

local LOC = KEYS[6]
local MAX_ENDED = 8

local function load_location()
  local f = redis.call('HMGET', LOC, 'node', 'conn', 'epoch', 'prev', 'exp', 'left', 'ended')
  return {
    node = f[1],
    conn = f[2],
    epoch = f[3],
    prev = f[4] and cjson.decode(f[4]) or {},
    exp = tonumber(f[5] or 0),
    left = f[6] and tonumber(f[6]),
    ended = f[7] and cjson.decode(f[7]) or {},
  }
end

-- {node, epoch} of the owner; empty strings while there is none.
local function owner_of(loc)
  if not loc.node then return { '', '' } end
  return { loc.node, loc.epoch }
end

local function save_prev(prev)
  if #prev == 0 then
    redis.call('HDEL', LOC, 'prev')
  else
    redis.call('HSET', LOC, 'prev', cjson.encode(prev))
  end
end

-- So that a registration that was sent twice and comes late does not bring the connection back.
local function remember_ended(loc, conn)
  loc.ended[#loc.ended + 1] = conn
  if #loc.ended > MAX_ENDED then table.remove(loc.ended, 1) end
  redis.call('HSET', LOC, 'ended', cjson.encode(loc.ended))
end
