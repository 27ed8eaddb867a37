-- Opens a room under the first locator that is free, or finds the one that the same call has opened before.
-- include: clock, rooms
-- KEYS: rooms, until
-- ARGV: owner, ref, ttlMs, cap, candidate...
-- Replies:
--   {'opened', code, end}  {'full'}  {'taken'}

local MIN_DIGITS = 4
-- A candidate has 48 bits: it gives every locator of so many digits, and not every longer one.
local MAX_DIGITS = 14

local function code_of(candidate, digits)
  return string.format('%0' .. digits .. '.0f', tonumber(candidate) % 10 ^ digits)
end

-- In every length: as many rooms were open as may not be open now.
for at = 5, #ARGV do
  for digits = MIN_DIGITS, MAX_DIGITS do
    local code = code_of(ARGV[at], digits)
    local known = open_room(code)
    if known and known.owner == ARGV[1] and known.ref == ARGV[2] then return { 'opened', code, known.ends } end
  end
end

local held = redis.call('ZCOUNT', UNTIL, '(' .. int(NOW), '+inf')
if held >= tonumber(ARGV[4]) then return { 'full' } end
local digits = MIN_DIGITS
while held + 1 > 10 ^ digits / 100 and digits < MAX_DIGITS do digits = digits + 1 end
for at = 5, #ARGV do
  local code = code_of(ARGV[at], digits)
  if not open_room(code) then
    local ends = int(NOW + tonumber(ARGV[3]))
    save_room(code, ends, ARGV[2], ARGV[1])
    return { 'opened', code, ends }
  end
end
return { 'taken' }
