-- ARGV: host, member. The member gives its slot, or its place in the line, back.
local slot = P .. 'slot:' .. ARGV[1]
redis.call('ZREM', slot .. ':line', ARGV[2])
redis.call('ZREM', slot .. ':live', ARGV[2])
tell('slot:' .. ARGV[1])
