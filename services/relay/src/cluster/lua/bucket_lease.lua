-- Leases tokens of a bucket to a node, and books what it gives back or has used without having it.
-- include: clock, bucket
-- flags: allow-oom
-- KEYS: bucket
-- ARGV: node, sequence, version, keepMs, weight, rateMessages, burstMessages, giveMessages, wantMessages, rateBytes, burstBytes, giveBytes, wantBytes
-- Replies:
--   {granted messages, granted bytes, level of messages, of bytes, owed messages, owed bytes, weights of those who wait}; as text

local sequence = tonumber(ARGV[2])
local give = { m = tonumber(ARGV[8]), b = tonumber(ARGV[12]) }
local want = { m = tonumber(ARGV[9]), b = tonumber(ARGV[13]) }

local bucket = load_bucket()
settle(bucket)
adopt(
  bucket,
  tonumber(ARGV[3]),
  { m = tonumber(ARGV[6]), b = tonumber(ARGV[10]) },
  { m = tonumber(ARGV[7]), b = tonumber(ARGV[11]) }
)
local node = bucket.nodes[ARGV[1]]
if not node then
  node = { sequence = 0, acc = { m = 0, b = 0 }, want = { m = 0, b = 0 }, granted = { m = 0, b = 0 } }
  bucket.nodes[ARGV[1]] = node
end
node.till = NOW + tonumber(ARGV[4])
node.weight = tonumber(ARGV[5])

-- Whoever held a peer's bucket has not said what it has left: the bucket begins empty.
bucket.holder, bucket.held = nil, {}

if sequence > node.sequence then
  node.sequence = sequence
  for _, unit in ipairs(UNITS) do
    local level = bucket.level[unit]
    if level then
      local acc = node.acc[unit] + give[unit]
      local more = math.min(math.max(want[unit] - acc, 0), math.max(level, 0))
      acc, level = acc + more, level - more
      local granted = math.max(math.min(acc, want[unit]), 0)
      acc = acc - granted
      node.granted[unit], node.want[unit] = granted, want[unit] - granted
      node.acc[unit] = math.min(acc, 0)
      level = level + math.max(acc, 0)
      bucket.level[unit] = math.min(share_out(bucket, unit, level), bucket.burst[unit])
    else
      node.granted[unit], node.acc[unit], node.want[unit] = want[unit], 0, 0
    end
  end
end
save_bucket(bucket)

local weights = 0
for _, other in pairs(bucket.nodes) do
  if other.till > NOW and (other.want.m > other.acc.m or other.want.b > other.acc.b) then weights = weights + other.weight end
end
local owed = { m = math.min(node.acc.m, 0), b = math.min(node.acc.b, 0) }
local reply = {}
for _, amounts in ipairs({ node.granted, bucket.level, owed }) do
  for _, unit in ipairs(UNITS) do reply[#reply + 1] = decimal(amounts[unit] or 0) end
end
reply[#reply + 1] = decimal(weights)
return reply
