-- ARGV: id, token, the holder that was found to have posted nothing ('' = none).
-- → status, granted, who holds the right to the final answer ("try at-µs token").
local id, key = ARGV[1], job(ARGV[1])
local status = held(id, ARGV[2])
if status ~= 'ok' then return {status, 0, ''} end
local holder = redis.call('HGET', key, 'answer')
if not holder or holder == ARGV[3] then
  local try = redis.call('HGET', key, 'tries') or '0'
  holder = try .. ' ' .. string.format('%.0f', now_us()) .. ' ' .. ARGV[2]
  redis.call('HSET', key, 'answer', holder)
end
local mine = string.sub(holder, -string.len(ARGV[2])) == ARGV[2]
return {status, mine and 1 or 0, holder}
