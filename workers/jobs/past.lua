-- ARGV: stream id to read before ('+' = the newest), how many. → audit entries, the newest first.
return redis.call('XREVRANGE', P .. 'audit', ARGV[1], '-', 'COUNT', ARGV[2])
