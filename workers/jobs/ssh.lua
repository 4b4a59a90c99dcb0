-- Claims the duty to stop the SSH service of hosts that arpcheck started and no check uses now.
-- ARGV: job asking ('' = any), lease ms, forget after s, host ('' = all). → hosts now to be stopped by the caller.
local now, mine = now_us(), {}
local duties = redis.call('HGETALL', P .. 'ssh')
for i = 1, #duties, 2 do
  local host, since = duties[i], tonumber(string.match(duties[i + 1], '^%d+'))
  if now - since > tonumber(ARGV[3]) * 1000000 then
    redis.call('HDEL', P .. 'ssh', host)
  elseif ARGV[4] == '' or ARGV[4] == host then
    local used = false
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', P .. 'slot:' .. host .. ':live', now, '+inf')) do
      used = used or string.match(member, '^(.*)/') ~= ARGV[1]
    end
    local stopping = P .. 'ssh:stopping:' .. host
    if not used and redis.call('SET', stopping, ARGV[1], 'PX', ARGV[2], 'NX') then
      mine[#mine + 1] = host
    end
  end
end
return mine
