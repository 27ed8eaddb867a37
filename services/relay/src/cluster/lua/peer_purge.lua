-- Removes the oldest entries of a mailbox, whoever may be reading it.
-- include: clock, mailbox
-- flags: allow-oom
-- KEYS: mbox, meta, count, bytes, index
-- ARGV: upTo, count
-- Replies:
--   {upTo, {id, bytes, ...} removed}; upTo is empty when nothing is left up to it

local up_to = ARGV[1]
if up_to == '' then
  local last = redis.call('XREVRANGE', MBOX, '+', '-', 'COUNT', 1)[1]
  if not last then return { '', {} } end
  up_to = last[1]
end

local removed = {}
for _, entry in ipairs(redis.call('XRANGE', MBOX, '-', up_to, 'COUNT', ARGV[2])) do
  local size = size_of(entry[2][2], entry[2][4])
  forget(entry[1], entry[2][2], size)
  removed[#removed + 1] = entry[1]
  removed[#removed + 1] = size
end
if #removed > 0 then redis.call('HINCRBY', META, 'bytes', int(box.bytes)) end
local left = redis.call('XRANGE', MBOX, '-', up_to, 'COUNT', 1)[1]
return { left and up_to or '', removed }
