-- ARGV: host. → the members of its line, in order.
return redis.call('ZRANGE', P .. 'slot:' .. ARGV[1] .. ':line', 0, -1)
