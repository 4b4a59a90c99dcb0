-- ARGV: length limit, keep s, then names and values in turn.
local key, record = P .. 'audit', {}
for i = 3, #ARGV do record[#record + 1] = ARGV[i] end
redis.call('XADD', key, 'MAXLEN', '~', ARGV[1], '*', unpack(record))
redis.call('EXPIRE', key, ARGV[2])
