-- Removes all that is kept of a peer that is offline, its mailbox a part at a time.
-- include: clock, mailbox, location
-- flags: allow-oom
-- KEYS: mbox, meta, count, bytes, index, loc, bucket
-- ARGV: count
-- Replies:
--   {'erased' or 'more', {id, bytes, ...} removed}  {'online'}

-- An owner goes last: while it is there, earlier registrations may have yet to hand over.
if load_location().node then return { 'online' } end

local removed = {}
for _, entry in ipairs(redis.call('XRANGE', MBOX, '-', '+', 'COUNT', ARGV[1])) do
  local size = size_of(entry[2][2], entry[2][4])
  forget(entry[1], entry[2][2], size)
  removed[#removed + 1] = entry[1]
  removed[#removed + 1] = size
end
if redis.call('XLEN', MBOX) > 0 then
  redis.call('HINCRBY', META, 'bytes', int(box.bytes))
  return { 'more', removed }
end
redis.call('DEL', MBOX, META, COUNT, BYTES, INDEX, LOC, KEYS[7])
return { 'erased', removed }
