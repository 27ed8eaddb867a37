-- Notes that a realm has usage in an hour.
-- KEYS: realms
-- ARGV: realm, keepMs
-- Replies:
--   {}

redis.call('SADD', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {}
