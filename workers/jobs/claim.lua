-- ARGV: token, worker, lease ms, tries, may take over, version, ms a newer job is left for a newer worker, keep s.
-- → {kind, fields…}: 'work', 'dead' (tries exhausted: tell people) or 'given up' (ended here); {} = nothing.
local now, tries_allowed = now_ms(), tonumber(ARGV[4])

local claimed = P .. 'claim:' .. ARGV[1]
local before = redis.call('HMGET', claimed, 'id', 'kind')
if before[1] and held(before[1], ARGV[1]) == 'ok' then  -- asked twice: a lost reply
  return {before[2], redis.call('HGETALL', job(before[1]))}
end

local function hand_out(id)
  local fields = redis.call('HMGET', job(id), 'tries', 'deads')
  local kind, counter = 'work', 'tries'
  if tonumber(fields[1] or 0) >= tries_allowed then kind, counter = 'dead', 'deads' end
  if kind == 'dead' and tonumber(fields[2] or 0) >= tries_allowed then
    end_job(id, GIVEN_UP, ARGV[8], '')
    return {'given up', redis.call('HGETALL', job(id))}
  end
  -- First a write that a full Redis refuses: where nobody can renew, nobody may take over.
  redis.call('HINCRBY', job(id), counter, 1)
  redis.call('ZREM', WAITING, id)
  redis.call('ZADD', RUNNING, now + tonumber(ARGV[3]), id)
  redis.call('HSET', job(id), 'state', 'running', 'token', ARGV[1], 'worker', ARGV[2])
  redis.call('HSET', claimed, 'id', id, 'kind', kind)
  redis.call('PEXPIRE', claimed, ARGV[3])
  return {kind, redis.call('HGETALL', job(id))}
end

local function claimable(id, from)
  local fields = redis.call('HMGET', job(id), 'version', 'visible', 'place')
  if not fields[1] then redis.call('ZREM', from, id) return false end
  if tonumber(fields[1]) > tonumber(ARGV[6])
    and now < tonumber(fields[3]) / 1000 + tonumber(ARGV[7]) then return false end
  return from == RUNNING or tonumber(fields[2]) <= now
end

if ARGV[5] == '1' then
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', RUNNING, '-inf', now, 'LIMIT', 0, 100)) do
    if claimable(id, RUNNING) then return hand_out(id) end
  end
end
for _, id in ipairs(redis.call('ZRANGE', WAITING, 0, 499)) do
  if claimable(id, WAITING) then return hand_out(id) end
end
return {}
