-- ARGV: key, nonce, seconds. → 1 for the first to come, also when its reply was lost and it asks again.
local key = P .. 'first:' .. ARGV[1]
local holder = redis.call('GET', key)
if not holder then redis.call('SET', key, ARGV[2], 'EX', ARGV[3]) end
return (not holder or holder == ARGV[2]) and 1 or 0
