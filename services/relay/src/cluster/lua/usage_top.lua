-- Tells the snapshots of all nodes that have not ended.
-- include: clock
-- flags: allow-oom
-- KEYS: top
-- Replies:
--   {text...}

local texts = {}
for _, snapshot in ipairs(redis.call('HVALS', KEYS[1])) do
  local till, text = string.match(snapshot, '^(%d+)\n(.*)$')
  if tonumber(till) > NOW then table.insert(texts, text) end
end
return texts
