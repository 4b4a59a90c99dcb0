-- ARGV: id, token, outcome JSON, keep s. → status, all fields.
local id = ARGV[1]
local status = held(id, ARGV[2])
if status == 'ok' then end_job(id, ARGV[3], ARGV[4], ARGV[2]) end
if redis.call('HGET', job(id), 'ended_by') == ARGV[2] then status = 'ok' end  -- a lost reply
return {status, redis.call('HGETALL', job(id))}
