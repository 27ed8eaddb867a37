-- Adds a node's amounts to a realm's hour, once for each of its sequences.
-- KEYS: hour, peers
-- ARGV: node, sequence, keepMs, messagesIn, bytesIn, messagesOut, bytesOut, storedByteSeconds, connectionMs, tunnelBytes, peer, amounts...
-- Replies:
--   {1: of the node's amounts of the hour nothing was here before, 0 otherwise}

-- hour is a hash: the name of each amount -> its sum, seq:<node> -> the last sequence of the node that was added.
-- peers is a hash: peer -> the sums of its amounts as a list in JSON, in the order of the arguments above.

local FIELDS = {
  'messagesIn', 'bytesIn', 'messagesOut', 'bytesOut', 'storedByteSeconds', 'connectionMs', 'tunnelBytes',
}
local AMOUNTS = { ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10] }

local node = 'seq:' .. ARGV[1]
local last = redis.call('HGET', KEYS[1], node)
if not last or tonumber(last) < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], node, ARGV[2])
  for index, field in ipairs(FIELDS) do
    if AMOUNTS[index] ~= '0' then redis.call('HINCRBY', KEYS[1], field, AMOUNTS[index]) end
  end
  for at = 11, #ARGV, 2 do
    local sums = cjson.decode(ARGV[at + 1])
    local before = redis.call('HGET', KEYS[2], ARGV[at])
    for index, sum in ipairs(before and cjson.decode(before) or {}) do sums[index] = sums[index] + sum end
    for index, sum in ipairs(sums) do sums[index] = string.format('%.0f', sum) end
    redis.call('HSET', KEYS[2], ARGV[at], '[' .. table.concat(sums, ',') .. ']')
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return { last and 0 or 1 }
