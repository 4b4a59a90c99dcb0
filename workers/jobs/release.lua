-- ARGV: id, token, refund, field of the counter. → status. The job goes back to its old place.
local id = ARGV[1]
local status = held(id, ARGV[2])
if status == 'ok' then
  redis.call('ZREM', RUNNING, id)
  redis.call('ZADD', WAITING, redis.call('HGET', job(id), 'place'), id)
  redis.call('HSET', job(id), 'state', 'queued', 'visible', 0)
  redis.call('HDEL', job(id), 'token')
  if ARGV[3] == '1' then redis.call('HINCRBY', job(id), ARGV[4], -1) end
  tell('queue')
end
return {status}
