#!lua
--[[
  Opens an epoch that this server has never had.

  KEYS[1]  the epoch's meta hash
  ARGV[1]  1 if what may have been lost is withheld
  ARGV[2]  the greatest number of events that may wait for the ledger

  Returns { STATUS.OK } or { STATUS.EXISTS }.
  Effects  the meta hash.
]]
-- @include statuses

if redis.call('EXISTS', KEYS[1]) == 1 then
  return { STATUS.EXISTS }
end
redis.call('HSET', KEYS[1], 'state', 'open', 'last', '0', 'added', '0', 'settled', '0', 'withheld', ARGV[1],
  'bound', ARGV[2], 'position', '0-0', 'entry', '0-0')
return { STATUS.OK }
