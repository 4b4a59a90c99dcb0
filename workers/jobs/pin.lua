-- ARGV: host, key ('' = only look). → the key that is pinned, '' = none. The first one wins.
if ARGV[2] ~= '' then redis.call('HSETNX', P .. 'pins', ARGV[1], ARGV[2]) end
return redis.call('HGET', P .. 'pins', ARGV[1]) or ''
