-- A host's line: the first LIMIT members in it hold a slot. A member is "job/run".
-- ARGV: host, member, arrived µs (0 = newcomer), lease ms, limit, may drop the dead, holds a slot already.
-- → arrived, position (0 = holds a slot, -1 = a newer run of the job has taken its place).
local line, live = P .. 'slot:' .. ARGV[1] .. ':line', P .. 'slot:' .. ARGV[1] .. ':live'
local member, arrived, lease, limit = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local now = now_us()
local function leave(who) redis.call('ZREM', line, who) redis.call('ZREM', live, who) end
if ARGV[6] == '1' then
  for _, dead in ipairs(redis.call('ZRANGEBYSCORE', live, '-inf', now)) do
    if dead ~= member then leave(dead) end
  end
end
local job_of = string.match(member, '^(.*)/')
for _, other in ipairs(redis.call('ZRANGE', line, 0, -1)) do
  if other ~= member and string.match(other, '^(.*)/') == job_of then
    if arrived ~= 0 then leave(member) return {0, -1} end
    arrived = tonumber(redis.call('ZSCORE', line, other))
    leave(other)
  end
end
if arrived == 0 then arrived = now end
redis.call('ZADD', line, arrived, member)
redis.call('ZADD', live, now + lease * 1000, member)
redis.call('PEXPIRE', line, lease * 20)
redis.call('PEXPIRE', live, lease * 20)
local place = redis.call('ZRANK', line, member) - limit + 1
if place < 0 then place = 0 end
if place == 0 and ARGV[7] ~= '1' and redis.call('EXISTS', P .. 'ssh:stopping:' .. ARGV[1]) == 1 then
  place = 1  -- the host's SSH service is being stopped: come in when that is over
end
return {arrived, place}
