-- ARGV: id. → 1 when the job is gone as if never asked for, 0 when a worker has had it.
local id = ARGV[1]
if position(id) == 0 or redis.call('HEXISTS', job(id), 'tries') == 1 then return 0 end
leave_joins(id)
redis.call('ZREM', WAITING, id)
redis.call('DEL', job(id))
return 1
