-- → how many wait, how many run, µs since the first of those that wait was asked for.
local first = redis.call('ZRANGE', WAITING, 0, 0, 'WITHSCORES')
return {redis.call('ZCARD', WAITING), redis.call('ZCARD', RUNNING), first[2] and now_us() - first[2] or 0}
