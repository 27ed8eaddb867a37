-- Redis's own clock. `..` and tostring() round numbers over 14 digits: always turn them into text with int().

local time = redis.call('TIME')
local NOW_US = tonumber(time[1]) * 1000000 + tonumber(time[2])
local NOW = math.floor(NOW_US / 1000)

local function int(number)
  return string.format('%.0f', number)
end
