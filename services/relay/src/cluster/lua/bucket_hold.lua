-- Takes all that is in a peer's bucket, for a holder who fills it from then on.
-- include: clock, bucket
-- flags: allow-oom
-- KEYS: bucket
-- ARGV: holder, rateMessages, burstMessages, rateBytes, burstBytes
-- Replies:
--   {messages, bytes} that were in it, as text

local bucket = load_bucket()
if bucket.holder ~= ARGV[1] then
  -- Nobody else gets anything kept any more.
  for _, node in pairs(bucket.nodes) do node.till = math.min(node.till, NOW) end
  settle(bucket)
  adopt(
    bucket,
    bucket.v,
    { m = tonumber(ARGV[2]), b = tonumber(ARGV[4]) },
    { m = tonumber(ARGV[3]), b = tonumber(ARGV[5]) }
  )
  for _, unit in ipairs(UNITS) do
    if bucket.level[unit] then bucket.held[unit], bucket.level[unit] = bucket.level[unit], 0 end
  end
  bucket.holder = ARGV[1]
end
save_bucket(bucket)
return { decimal(bucket.held.m or 0), decimal(bucket.held.b or 0) }
