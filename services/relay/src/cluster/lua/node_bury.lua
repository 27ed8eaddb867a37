-- A dead node has been reaped: what is left is the memory of it.
-- include: clock, nodes
-- flags: allow-oom
-- KEYS: nodes
-- ARGV: dead
-- Replies:
--   'buried'

local record = load_node(ARGV[1])
if record and record.state == 'dead' then
  record.state = 'reaped'
  record.leaseUntil = NOW
  save_node(record)
end
return 'buried'
