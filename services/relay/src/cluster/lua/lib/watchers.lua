-- Needs: clock. A watch key is a hash: node -> ms until which it wants to hear of the peer.

local function live_watchers(key)
  local fields = redis.call('HGETALL', key)
  local nodes = {}
  for at = 1, #fields, 2 do
    if tonumber(fields[at + 1]) > NOW then nodes[#nodes + 1] = fields[at] end
  end
  return nodes
end
