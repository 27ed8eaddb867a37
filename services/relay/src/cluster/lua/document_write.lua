-- Writes a document's next version if the present one is the expected one, and tells all nodes.
-- include: clock
-- flags: allow-oom
-- KEYS: documents, history, notices
-- ARGV: name, expected, text, by, note, keep, notice
-- Replies:
--   {'written', at ms}  {'conflict', version}

-- documents is a hash: <name>:<field> of the present versions. history is a list of earlier ones as JSON, newest first.
-- It goes on when memory is used up: that is when limits have to be tightened.

local fields = {}
for index, field in ipairs({ 'version', 'text', 'by', 'note', 'at' }) do fields[index] = ARGV[1] .. ':' .. field end

local present = redis.call('HMGET', KEYS[1], unpack(fields))
local version = present[1] or '0'
if version ~= ARGV[2] then return { 'conflict', version } end

local keep = tonumber(ARGV[6])
if present[1] and keep > 0 then
  local earlier = {
    version = tonumber(version),
    text = present[2],
    by = present[3],
    note = present[4],
    at = tonumber(present[5]),
  }
  redis.call('LPUSH', KEYS[2], cjson.encode(earlier))
  redis.call('LTRIM', KEYS[2], 0, keep - 1)
end
local values = { int(tonumber(version) + 1), ARGV[3], ARGV[4], ARGV[5], int(NOW) }
for index, field in ipairs(fields) do redis.call('HSET', KEYS[1], field, values[index]) end
redis.call('PUBLISH', KEYS[3], ARGV[7])
return { 'written', values[5] }
