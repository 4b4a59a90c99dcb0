-- ARGV: id, job JSON, version, thread JSON, join key, hidden for ms, the field of a job that has told its answer.
-- → id, joined, position, job JSON, thread JSON of the job that will answer.
local id = ARGV[1]
local function answer(of, joined)
  local fields = redis.call('HMGET', job(of), 'data', 'thread')
  return {of, joined, position(of), fields[1], fields[2]}
end
if redis.call('EXISTS', job(id)) == 1 then return answer(id, 0) end  -- asked twice: a lost reply
local other = redis.call('HGET', JOINS, ARGV[5])
if other then
  local fields = redis.call('HMGET', job(other), 'state', ARGV[7])
  if (fields[1] == 'queued' or fields[1] == 'running') and not fields[2] then return answer(other, 1) end
end
local now = now_us()
redis.call('HSET', job(id), 'id', id, 'data', ARGV[2], 'version', ARGV[3], 'thread', ARGV[4], 'join', ARGV[5],
  'state', 'queued', 'place', now, 'visible', math.floor(now / 1000) + tonumber(ARGV[6]))
redis.call('HSET', JOINS, ARGV[5], id)
redis.call('ZADD', WAITING, now, id)
return answer(id, 0)
