-- Writes or renews a node's lease on Redis's clock, and tells of all nodes.
-- include: clock, nodes
-- flags: allow-oom
-- KEYS: nodes
-- ARGV: node, region, url, connections, state, leaseMs, v, release
-- Replies:
--   {'renewed', now ms, record...}  {'dead'}

-- A node that was reaped is told so for this long.
local REMEMBER_MS = 24 * 3600000

local function forget_reaped()
  for _, text in ipairs(redis.call('HVALS', NODES)) do
    local record = cjson.decode(text)
    if record.state == 'reaped' and record.leaseUntil + REMEMBER_MS < NOW then
      redis.call('HDEL', NODES, record.node)
    end
  end
end

local known = load_node(ARGV[1])
local since, steady_since = NOW, NOW
if known then
  if known.state == 'dead' or known.state == 'reaped' then return { 'dead' } end
  since = known.since
  -- Who was late may have been kept from Redis, and so may have been all the others.
  if known.leaseUntil - NOW >= tonumber(ARGV[6]) / 2 then steady_since = known.steadySince or NOW end
else
  forget_reaped()
end
save_node({
  node = ARGV[1],
  region = ARGV[2],
  url = ARGV[3],
  connections = tonumber(ARGV[4]),
  leaseUntil = NOW + tonumber(ARGV[6]),
  since = since,
  steadySince = steady_since,
  state = ARGV[5],
  v = tonumber(ARGV[7]),
  release = ARGV[8],
})
return { 'renewed', int(NOW), unpack(redis.call('HVALS', NODES)) }
