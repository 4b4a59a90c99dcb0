-- ARGV: ids. → the state of each, '' = unknown.
local states = {}
for i = 1, #ARGV do states[i] = redis.call('HGET', job(ARGV[i]), 'state') or '' end
return states
