-- ARGV: id, thread JSON. → position (0 = a worker has it already), -1 = no such job.
local id = ARGV[1]
local state = redis.call('HGET', job(id), 'state')
if not state then return -1 end
redis.call('HSET', job(id), 'thread', ARGV[2], 'visible', 0)
tell(state == 'queued' and 'queue' or 'job:' .. id)
return position(id)
