#!lua
--[[
  Puts definitions and counters as PostgreSQL knows them, each only where it is absent. Refused if the project has
  changed since the caller read PostgreSQL, and while Redis has not confirmed all that PostgreSQL had settled then:
  that confirm would give a returned unit back a second time.

  KEYS[1]    the epoch's meta hash
  KEYS[2]    the project's change number
  KEYS[3..]  definitions, then counters
  ARGV[1]    the change number that was read before PostgreSQL was
  ARGV[2]    PostgreSQL's position, read after the counters were
  ARGV[3]    how many definitions
  ARGV[4..]  version, body of each definition; then limit ('' for none), granted, returned, withheld, version of
             each counter, how many holds it has, and tag, amount, expires_ms, owner of each. What a counter has granted
             is confirmed: PostgreSQL says it.

  Returns { STATUS.FENCED }, { STATUS.MOVED }, { STATUS.BEHIND } or { STATUS.OK }.
  Effects  the keys that were absent.
]]
-- @include statuses
-- @include is_before
-- @include digits

local meta = redis.call('HMGET', KEYS[1], 'state', 'position')
if meta[1] ~= 'open' then
  return { STATUS.FENCED }
end
if (redis.call('HGET', KEYS[2], 'version') or '0') ~= ARGV[1] then
  return { STATUS.MOVED }
end
if is_before(meta[2], ARGV[2]) then
  return { STATUS.BEHIND }
end
local function put_hydrated_holds(key, first, count)
  local held, soonest = 0, math.huge
  for at = first, first + 4 * count - 1, 4 do
    redis.call('HSET', key, 'h:' .. ARGV[at], ARGV[at + 1] .. ' ' .. ARGV[at + 2] .. ' ' .. ARGV[at + 3])
    held, soonest = held + tonumber(ARGV[at + 1]), math.min(soonest, tonumber(ARGV[at + 2]))
  end
  redis.call('HSET', key, 'held', digits(held), 'soonest', digits(soonest))
end

local definitions, argument = tonumber(ARGV[3]), 4
for i = 3, 2 + definitions do
  if redis.call('EXISTS', KEYS[i]) == 0 then
    redis.call('HSET', KEYS[i], 'version', ARGV[argument], 'body', ARGV[argument + 1])
  end
  argument = argument + 2
end
for i = 3 + definitions, #KEYS do
  local is_absent = redis.call('EXISTS', KEYS[i]) == 0
  local holds = tonumber(ARGV[argument + 5])
  if is_absent then
    local granted = ARGV[argument + 1]
    redis.call('HSET', KEYS[i], 'granted', granted, 'returned', ARGV[argument + 2], 'confirmed', granted)
    redis.call('HSET', KEYS[i], 'withheld', ARGV[argument + 3], 'version', ARGV[argument + 4])
    if ARGV[argument] ~= '' then
      redis.call('HSET', KEYS[i], 'limit', ARGV[argument])
    end
  end
  if is_absent and holds > 0 then
    put_hydrated_holds(KEYS[i], argument + 6, holds)
  end
  argument = argument + 6 + 4 * holds
end
return { STATUS.OK }
