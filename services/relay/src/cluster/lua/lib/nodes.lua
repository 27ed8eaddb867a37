-- The nodes of the cluster. KEYS[1] is nodes, a hash: node -> its record as JSON.

local NODES = KEYS[1]

local function load_node(node)
  local text = redis.call('HGET', NODES, node)
  return text and cjson.decode(text)
end

local function save_node(record)
  redis.call('HSET', NODES, record.node, cjson.encode(record))
end
