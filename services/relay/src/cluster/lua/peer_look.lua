-- Tells what is known of a peer.
-- include: clock, mailbox, location
-- flags: allow-oom
-- KEYS: mbox, meta, count, bytes, index, loc
-- ARGV: mailboxTtlMs
-- Replies:
--   {ownerNode, ownerEpoch, expiresAt, limits, messages, bytes, oldest id}; an absent one is an empty string, and so is
--   the end and the limits of a reservation that is over

open_mailbox(tonumber(ARGV[1]))
local loc = load_location()
local owner = owner_of(loc)
local expires_at, limits = '', ''
if loc.exp > NOW then
  expires_at = int(loc.exp)
  limits = redis.call('HGET', LOC, 'limits')
end
local oldest = redis.call('XRANGE', MBOX, '-', '+', 'COUNT', 1)[1]
return { owner[1], owner[2], expires_at, limits, box.count, int(box.bytes), oldest and oldest[1] or '' }
