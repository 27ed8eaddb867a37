-- Removes entries by id; ids that are gone are ignored.
-- include: clock, mailbox
-- flags: allow-oom
-- KEYS: mbox, meta, count, bytes, index
-- ARGV: id...
-- Replies:
--   {id, bytes, ...} of those that were there

local removed = {}
for _, id in ipairs(ARGV) do
  local entry = redis.call('XRANGE', MBOX, id, id)[1]
  if entry then
    local size = size_of(entry[2][2], entry[2][4])
    forget(id, entry[2][2], size)
    removed[#removed + 1] = id
    removed[#removed + 1] = size
  end
end
if #removed > 0 then redis.call('HINCRBY', META, 'bytes', int(box.bytes)) end
return removed
