-- → for each open job, the next first, its position and fields.
local found = {}
for _, from in ipairs({RUNNING, WAITING}) do
  for _, id in ipairs(redis.call('ZRANGE', from, 0, -1)) do
    found[#found + 1] = {position(id), redis.call('HGETALL', job(id))}
  end
end
return found
