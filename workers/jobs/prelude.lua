-- What every script shares. It stands in front of each of them; KEYS[1] is the prefix of all keys.
local P = KEYS[1]
local GIVEN_UP = '{"outcome":"given up"}'
local WAITING, RUNNING, JOINS = P .. 'waiting', P .. 'running', P .. 'joins'

local function now_us()  -- Redis's clock, never a caller's
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function now_ms() return math.floor(now_us() / 1000) end

local function job(id) return P .. 'job:' .. id end

local function position(id)  -- 1 = next, 0 = not waiting
  local rank = redis.call('ZRANK', WAITING, id)
  return rank and rank + 1 or 0
end

local function tell(topic) redis.call('PUBLISH', P .. 'tell', topic) end

-- 'ok', or why this run no longer holds the job: 'gone', 'ended', 'taken'.
local function held(id, token)
  local fields = redis.call('HMGET', job(id), 'state', 'token')
  if not fields[1] then return 'gone' end
  if fields[1] == 'done' then return 'ended' end
  if fields[2] ~= token then return 'taken' end
  return 'ok'
end

local function leave_joins(id)
  local join = redis.call('HGET', job(id), 'join')
  if join and redis.call('HGET', JOINS, join) == id then redis.call('HDEL', JOINS, join) end
end

local function end_job(id, outcome, keep_seconds, token)
  leave_joins(id)
  redis.call('ZREM', WAITING, id)
  redis.call('ZREM', RUNNING, id)
  redis.call('HSET', job(id), 'state', 'done', 'outcome', outcome, 'ended_by', token)
  redis.call('HDEL', job(id), 'token')
  redis.call('EXPIRE', job(id), keep_seconds)
end
