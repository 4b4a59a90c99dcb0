-- ARGV: id, cancel or stimulus, by, at, outcome JSON, keep s. → 1 = done or passed on, 0 = too late.
local id = ARGV[1]
local state = redis.call('HGET', job(id), 'state')
if state ~= 'queued' and state ~= 'running' then return 0 end
if ARGV[2] == 'cancel' then
  redis.call('HSET', job(id), 'cancelled', ARGV[3])
  leave_joins(id)  -- who asks now wants a new check
  if state == 'queued' then end_job(id, ARGV[5], ARGV[6], '') end
else
  redis.call('HSETNX', job(id), 'stimulus_at', ARGV[4])
  redis.call('HSETNX', job(id), 'stimulus_by', ARGV[3])
end
tell('job:' .. id)
return 1
