-- ARGV: id, thread JSON. → 1 = it will be told, 0 = the job has ended (or is unknown).
local state = redis.call('HGET', job(ARGV[1]), 'state')
if state ~= 'queued' and state ~= 'running' then return 0 end
redis.call('HSET', job(ARGV[1]), 'watch:' .. ARGV[2], '1')
return 1
