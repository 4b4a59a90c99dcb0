-- ARGV: id. → all fields and, last, the field ":position".
local found = redis.call('HGETALL', job(ARGV[1]))
if #found > 0 then
  found[#found + 1] = ':position'
  found[#found + 1] = tostring(position(ARGV[1]))
end
return found
