-- ARGV: host, add or done, job. Notes, or strikes out, that arpcheck must stop the host's SSH service.
if ARGV[2] == 'add' then
  return redis.call('HSETNX', P .. 'ssh', ARGV[1],
  string.format('%.0f ', now_us()) .. ARGV[3])
end
redis.call('DEL', P .. 'ssh:stopping:' .. ARGV[1])
tell('slot:' .. ARGV[1])
return redis.call('HDEL', P .. 'ssh', ARGV[1])
