-- A token bucket for messages (m) and bytes (b). Needs: clock. KEYS[1] is bucket, a hash:
--   at              us of the last settling
--   v, asked        version of the policy, ms at which somebody asked by it last
--   rate.*, burst.* tokens a second and at most; absent: no limit
--   level.*         for everybody
--   held, held.*    who has taken a peer's bucket as a whole, and what was in it
--   n:<node>        sequence, until, weight, acc.m, want.m, granted.m, acc.b, want.b, granted.b as NUMBERS: what is kept
--                   for a node (below 0: what it owes), what it still wants, and what it got last

local BUCKET = KEYS[1]
local UNITS = { 'm', 'b' }
-- Binary, in 64 bytes, the most that Redis keeps in a compact hash: with 50 nodes a call takes a third of what text does.
local NUMBERS = '<I6I6I4dddddd'
-- A node's last answer is kept for so long, for a repetition.
local REMEMBER_MS = 60000
local LONGEST_TTL_MS = 86400000
-- All nodes go on by a new version within a second. One by which nobody has asked for so long is one that the store has
-- lost, and with it the versions begin anew.
local VERSION_HOLDS_MS = 5000

local function load_bucket()
  local bucket = { rate = {}, burst = {}, level = {}, held = {}, nodes = {}, at = NOW_US, v = -1, asked = 0 }
  local fields = redis.call('HGETALL', BUCKET)
  for at = 1, #fields, 2 do
    local name, value = fields[at], fields[at + 1]
    local group, unit = string.match(name, '^(%a+)%.([mb])$')
    if group then
      bucket[group][unit] = tonumber(value)
    elseif string.sub(name, 1, 2) == 'n:' then
      local node = { acc = {}, want = {}, granted = {} }
      local acc, want, granted = node.acc, node.want, node.granted
      node.sequence, node.till, node.weight, acc.m, want.m, granted.m, acc.b, want.b, granted.b =
        struct.unpack(NUMBERS, value)
      bucket.nodes[string.sub(name, 3)] = node
    elseif name == 'held' then
      bucket.holder = value
    else
      bucket[name] = tonumber(value)
    end
  end
  return bucket
end

local function waiting(bucket, unit)
  local list = {}
  for _, node in pairs(bucket.nodes) do
    if node.till > NOW and node.want[unit] > node.acc[unit] then list[#list + 1] = node end
  end
  return list
end

-- Max-min by weight: whoever wants less than its share gets that, and the others share what is left of it.
local function share_out(bucket, unit, pool)
  local open = waiting(bucket, unit)
  while pool > 0 and #open > 0 do
    local weights, left = 0, {}
    for _, node in ipairs(open) do weights = weights + node.weight end
    local each = pool / weights
    for _, node in ipairs(open) do
      local missing = node.want[unit] - node.acc[unit]
      if missing <= each * node.weight then
        node.acc[unit] = node.want[unit]
        pool = pool - missing
      else
        left[#left + 1] = node
      end
    end
    if #left == #open then
      for _, node in ipairs(open) do node.acc[unit] = node.acc[unit] + each * node.weight end
      return 0
    end
    open = left
  end
  return pool
end

-- Books what has accrued: first to those who wait for it, the rest up to the burst. What was kept for a node that does
-- not ask any more goes to all.
local function settle(bucket)
  local seconds = math.max(NOW_US - bucket.at, 0) / 1000000
  -- Also where the clock went back, as that of another primary may: it must not stand still until that has caught up.
  bucket.at = NOW_US
  for _, unit in ipairs(UNITS) do
    if bucket.rate[unit] then
      local pool = bucket.level[unit]
      if not bucket.holder then pool = pool + bucket.rate[unit] * seconds end
      for _, node in pairs(bucket.nodes) do
        if node.till <= NOW then
          pool = pool + node.acc[unit]
          node.acc[unit] = 0
          node.want[unit] = 0
        end
      end
      bucket.level[unit] = math.min(share_out(bucket, unit, pool), bucket.burst[unit])
    end
  end
end

-- The highest version holds. A rate below 0 stands for no limit. A level is kept, with what was kept for nodes, and cut to
-- the new burst; a new bucket is full.
local function adopt(bucket, version, rates, bursts)
  if version < bucket.v and bucket.asked + VERSION_HOLDS_MS > NOW then return end
  local is_new = version ~= bucket.v
  bucket.v, bucket.asked = version, NOW
  for _, unit in ipairs(UNITS) do
    if rates[unit] < 0 then
      bucket.rate[unit], bucket.burst[unit], bucket.level[unit] = nil, nil, nil
      for _, node in pairs(bucket.nodes) do node.acc[unit], node.want[unit] = 0, 0 end
    else
      local level = bucket.level[unit] or bursts[unit]
      for _, node in pairs(bucket.nodes) do
        if is_new and node.acc[unit] > 0 then
          level = level + node.acc[unit]
          node.acc[unit] = 0
        end
      end
      bucket.level[unit] = math.min(level, bursts[unit])
      bucket.rate[unit], bucket.burst[unit] = rates[unit], bursts[unit]
    end
  end
end

local function decimal(number)
  return string.format('%.6f', number)
end

-- Milliseconds until an untouched bucket is as good as a new one.
local function recovery_ms(bucket)
  local longest = 0
  for _, unit in ipairs(UNITS) do
    if bucket.rate[unit] then
      local missing = bucket.burst[unit] - bucket.level[unit]
      for _, node in pairs(bucket.nodes) do missing = missing - node.acc[unit] end
      if missing > 0 then longest = math.max(longest, missing * 1000 / math.max(bucket.rate[unit], 0.000001)) end
    end
  end
  return longest
end

local function save_bucket(bucket)
  local fields = { 'at', int(bucket.at), 'v', int(bucket.v), 'asked', int(bucket.asked) }
  local function put(name, value)
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  for _, group in ipairs({ 'rate', 'burst', 'level', 'held' }) do
    for unit, value in pairs(bucket[group]) do put(group .. '.' .. unit, decimal(value)) end
  end
  if bucket.holder then put('held', bucket.holder) end
  for name, node in pairs(bucket.nodes) do
    if node.till + REMEMBER_MS > NOW then
      local acc, want, granted = node.acc, node.want, node.granted
      put(
        'n:' .. name,
        struct.pack(
          NUMBERS,
          node.sequence, node.till, node.weight, acc.m, want.m, granted.m, acc.b, want.b, granted.b
        )
      )
    end
  end
  redis.call('DEL', BUCKET)
  redis.call('HSET', BUCKET, unpack(fields))
  local ttl = bucket.holder and LONGEST_TTL_MS or math.min(recovery_ms(bucket) + REMEMBER_MS, LONGEST_TTL_MS)
  redis.call('PEXPIRE', BUCKET, int(math.ceil(ttl)))
end
