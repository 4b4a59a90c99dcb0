-- ARGV: id, token, key, value. → status.
local status = held(ARGV[1], ARGV[2])
if status == 'ok' then redis.call('HSET', job(ARGV[1]), 'note:' .. ARGV[3], ARGV[4]) end
return {status}
