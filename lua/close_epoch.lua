#!lua flags=allow-oom
--[[
  Closes an epoch for good: nothing is granted in it again, what it has granted can still be confirmed.

  KEYS[1]  the epoch's meta hash

  Returns { STATUS.OK }, or { STATUS.FENCED } where this server does not have the epoch.
  Effects  meta state.
]]
-- @include statuses

if redis.call('EXISTS', KEYS[1]) == 0 then
  return { STATUS.FENCED }
end
redis.call('HSET', KEYS[1], 'state', 'closed')
return { STATUS.OK }
