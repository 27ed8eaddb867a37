-- Puts what its holder has left into a peer's bucket, which fills by itself from then on.
-- include: clock, bucket
-- flags: allow-oom
-- KEYS: bucket
-- ARGV: holder, rateMessages, burstMessages, leftMessages, rateBytes, burstBytes, leftBytes
-- Replies:
--   {'given_back'}  {'not_held'}

local bucket = load_bucket()
if bucket.holder ~= ARGV[1] then return { 'not_held' } end
settle(bucket)
adopt(
  bucket,
  bucket.v,
  { m = tonumber(ARGV[2]), b = tonumber(ARGV[5]) },
  { m = tonumber(ARGV[3]), b = tonumber(ARGV[6]) }
)
local left = { m = tonumber(ARGV[4]), b = tonumber(ARGV[7]) }
for _, unit in ipairs(UNITS) do
  if bucket.level[unit] then bucket.level[unit] = math.min(left[unit], bucket.burst[unit]) end
end
bucket.holder, bucket.held = nil, {}
save_bucket(bucket)
return { 'given_back' }
