-- ARGV: id, token, lease ms. → status, cancelled by, stimulus confirmed at, thread JSON, holder.
local id = ARGV[1]
local status = held(id, ARGV[2])
if status == 'ok' then redis.call('ZADD', RUNNING, now_ms() + tonumber(ARGV[3]), id) end
local fields = redis.call('HMGET', job(id), 'cancelled', 'stimulus_at', 'thread', 'worker')
return {status, fields[1] or '', fields[2] or '', fields[3] or '', fields[4] or ''}
