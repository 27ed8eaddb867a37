-- Takes a room away, so that it pairs once.
-- include: clock, rooms
-- flags: allow-oom
-- KEYS: rooms, until
-- ARGV: code
-- Replies:
--   {'taken', owner, ref, end}  {'none'}

local room = open_room(ARGV[1])
if not room then return { 'none' } end
redis.call('HDEL', ROOMS, ARGV[1])
redis.call('ZREM', UNTIL, ARGV[1])
return { 'taken', room.owner, room.ref, room.ends }
