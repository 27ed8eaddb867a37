-- Takes or renews the reaper's lock on a node's inbox and stops all appends, in one step.
-- include: clock
-- flags: allow-oom
-- KEYS: state, tunnels
-- ARGV: reaper, holdMs
-- Replies:
--   {'held', token}  'taken'  'reaped'

local state = redis.call('HMGET', KEYS[1], 's', 'reaper', 'until')
if not state[1] or state[1] == 'reaped' then return 'reaped' end
local is_mine = state[2] == ARGV[1]
if not is_mine and tonumber(state[3] or 0) > NOW then return 'taken' end
if not is_mine then redis.call('HINCRBY', KEYS[1], 'token', 1) end
redis.call('HSET', KEYS[1], 's', 'reaping', 'reaper', ARGV[1], 'until', int(NOW + tonumber(ARGV[2])))
-- Without its stream nothing is appended for tunnels: they die with their node.
redis.call('DEL', KEYS[2])
return { 'held', tonumber(redis.call('HGET', KEYS[1], 'token')) }
