-- Extends the reservation of a connected peer; never creates one.
-- include: clock
-- flags: allow-oom
-- KEYS: loc
-- ARGV: node, epoch, ttlMs
-- Replies:
--   {'refreshed', expiresAt}  {'lost'}

-- As in register.lua.
local OWNER_SLACK_MS = 60000

local loc = redis.call('HMGET', KEYS[1], 'node', 'epoch')
if loc[1] ~= ARGV[1] or loc[2] ~= ARGV[2] then return { 'lost' } end
local ttl_ms = tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'exp', int(NOW + ttl_ms))
redis.call('PEXPIRE', KEYS[1], int(ttl_ms * 2 + OWNER_SLACK_MS))
return { 'refreshed', int(NOW + ttl_ms) }
