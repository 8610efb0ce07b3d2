#!lua
--[[
  Puts idempotency records that PostgreSQL knows, each only where it is absent and not too old.

  KEYS[1]    the epoch's meta hash
  KEYS[2..]  records
  ARGV[1]    lifetime of a record in ms
  ARGV[2..]  when it was granted (ms), and the record, of each in turn

  Returns { STATUS.FENCED } or { STATUS.OK }.
  Effects  the records that were absent.
]]
-- @include statuses
-- @include is_open
-- @include digits

if not is_open(KEYS[1]) then
  return { STATUS.FENCED }
end
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
for i = 2, #KEYS do
  local left = tonumber(ARGV[1]) - now + tonumber(ARGV[2 * i - 2])
  if left > 0 then
    redis.call('SET', KEYS[i], ARGV[2 * i - 1], 'PX', digits(left), 'NX')
  end
end
return { STATUS.OK }
