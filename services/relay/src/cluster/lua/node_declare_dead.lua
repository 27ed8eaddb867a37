-- Declares a node dead whose lease has run out. After an outage of Redis nobody has had a lease for long enough to do so.
-- include: clock, nodes
-- flags: allow-oom
-- KEYS: nodes
-- ARGV: dead, by, leaseMs
-- Replies:
--   'declared'  'refused'

local other, own = load_node(ARGV[1]), load_node(ARGV[2])
if not other or not own then return 'refused' end
-- Nodes of 0.1.0 do not say since when.
if own.leaseUntil < NOW or NOW - (own.steadySince or NOW) < tonumber(ARGV[3]) then return 'refused' end
if other.leaseUntil >= NOW then return 'refused' end
if other.state ~= 'reaped' then
  other.state = 'dead'
  save_node(other)
end
return 'declared'
