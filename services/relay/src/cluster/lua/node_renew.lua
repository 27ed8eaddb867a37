-- Writes or renews a node's lease on Redis's clock.
-- include: clock
-- flags: allow-oom
-- KEYS: nodes
-- ARGV: node, region, url, connections, state, leaseMs
-- Replies:
--   'renewed'  'dead'

local known = redis.call('HGET', KEYS[1], ARGV[1])
local since = NOW
if known then
  local record = cjson.decode(known)
  if record.state == 'dead' then return 'dead' end
  since = record.since
end
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode({
  node = ARGV[1],
  region = ARGV[2],
  url = ARGV[3],
  connections = tonumber(ARGV[4]),
  leaseUntil = NOW + tonumber(ARGV[6]),
  since = since,
  state = ARGV[5],
}))
return 'renewed'
