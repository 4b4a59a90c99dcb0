-- ARGV: ids. → the state of each, '' = unknown; 'given up' for one that ended so, untold.
local states = {}
for i = 1, #ARGV do
  local fields = redis.call('HMGET', job(ARGV[i]), 'state', 'outcome')
  states[i] = fields[2] == GIVEN_UP and 'given up' or fields[1] or ''
end
return states
