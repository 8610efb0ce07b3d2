#!lua flags=allow-oom
--[[
  Releases what the epoch withholds: an operator, or the evidence, has accounted for what may have been lost.

  KEYS[1]  the epoch's meta hash

  Returns { STATUS.OK } or { STATUS.FENCED }.
  Effects  meta withheld.
]]
-- @include statuses
-- @include is_open

if not is_open(KEYS[1]) then
  return { STATUS.FENCED }
end
redis.call('HSET', KEYS[1], 'withheld', '0')
return { STATUS.OK }
