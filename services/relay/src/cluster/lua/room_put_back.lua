-- Puts a taken room back, unless it has ended or its code is in use again.
-- include: clock, rooms
-- KEYS: rooms, until
-- ARGV: code, end, ref, owner
-- Replies:
--   'put_back'

if tonumber(ARGV[2]) > NOW and not open_room(ARGV[1]) then save_room(ARGV[1], ARGV[2], ARGV[3], ARGV[4]) end
return 'put_back'
