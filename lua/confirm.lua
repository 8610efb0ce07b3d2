#!lua flags=allow-oom
--[[
  PostgreSQL stands at a new position: what lies between is settled. Applies only if Redis stands at the old
  position, so it may be sent twice. It frees memory, therefore it runs on a full server too.

  KEYS[1]    the epoch's meta hash
  KEYS[2]    the epoch's stream
  KEYS[3..]  counters, change numbers, records
  ARGV[1]    old position, ARGV[2] new position ('ms-seq')
  ARGV[3]    how many events lie between
  ARGV[4]    MessagePack: flat { counter, confirmed, returned, change number, ... }, keys by number
  ARGV[5]    MessagePack: numbers of the records to drop (of refused events)
  ARGV[6]    channel, ARGV[7] the message for workers that wait

  Returns { STATUS.FENCED }, { STATUS.MOVED, position } or { STATUS.OK, new position }.
  Effects  confirmed and returned of the counters; a unit that comes back on an absent counter raises the change
           number; records dropped; position; the stream trimmed up to it; the message published.
]]
-- @include statuses
-- @include digits

local meta = redis.call('HMGET', KEYS[1], 'state', 'position')
if not meta[1] then
  return { STATUS.FENCED }
end
if meta[2] ~= ARGV[1] then
  return { STATUS.MOVED, meta[2] }
end
local settlements, dropped = cmsgpack.unpack(ARGV[4]), cmsgpack.unpack(ARGV[5])
local entry_ms, entry_seq = string.match(ARGV[2], '^(%d+)%-(%d+)$')

for i = 1, #settlements, 4 do
  local key, confirmed, returned = KEYS[settlements[i]], settlements[i + 1], settlements[i + 2]
  if redis.call('EXISTS', key) == 1 then
    if confirmed > 0 then
      redis.call('HINCRBY', key, 'confirmed', digits(confirmed))
    end
    if returned > 0 then
      redis.call('HINCRBY', key, 'returned', digits(returned))
    end
  elseif returned > 0 then
    redis.call('HINCRBY', KEYS[settlements[i + 3]], 'version', '1')
  end
end
for i = 1, #dropped do
  redis.call('DEL', KEYS[dropped[i]])
end
redis.call('HSET', KEYS[1], 'position', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'settled', ARGV[3])
-- MINID keeps the id itself, so the first one kept is the next possible. Exact: what is confirmed is not needed.
redis.call('XTRIM', KEYS[2], 'MINID', '=', entry_ms .. '-' .. digits(tonumber(entry_seq) + 1))
redis.call('PUBLISH', ARGV[6], ARGV[7])
return { STATUS.OK, ARGV[2] }
