#!lua flags=allow-oom
--[[
  Lets go of what names a customer: definitions and counters that PostgreSQL has, or has let go of, and what a record
  says beyond that its request was answered. The project's change number is raised, so that a hydration which read
  PostgreSQL before is refused. It frees memory, therefore it runs on a full server too.

  KEYS[1]    the epoch's meta hash
  KEYS[2]    the project's change number
  KEYS[3..]  definitions, then counters, then records
  ARGV[1]    how many definitions
  ARGV[2]    how many counters
  ARGV[3..]  the event that each record holds from now on, '' where the record is to go; one that holds another event
             is no longer any request's: its fingerprint is zero

  Returns { STATUS.FENCED }, or { STATUS.OK, now_ms, last entry id, number of a counter from 0, ... }: those that stay,
  because PostgreSQL has not settled all that they have granted, or something is held.
  Effects  change number + 1; definitions and counters gone; records changed or gone, for as long as they were to live.
]]
-- @include statuses
-- @include is_open
-- @include parse_hold

if not is_open(KEYS[1]) then
  return { STATUS.FENCED }
end
local meta = redis.call('HMGET', KEYS[1], 'last', 'entry')
local clock = redis.call('TIME')
local now = math.max(tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000), tonumber(meta[1]))

local function is_held(key)
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 2) == 'h:' and parse_hold(fields[i + 1]).expires > now then
      return true
    end
  end
  return false
end

local reply = { STATUS.OK, now, meta[2] }
local first_counter = 3 + tonumber(ARGV[1])
local first_record = first_counter + tonumber(ARGV[2])
redis.call('HINCRBY', KEYS[2], 'version', '1')
for i = 3, first_counter - 1 do
  redis.call('DEL', KEYS[i])
end
for i = first_counter, first_record - 1 do
  local counter = redis.call('HMGET', KEYS[i], 'granted', 'confirmed')
  if counter[1] ~= counter[2] or is_held(KEYS[i]) then
    reply[#reply + 1] = i - first_counter
  else
    redis.call('DEL', KEYS[i])
  end
end
for i = first_record, #KEYS do
  local payload = ARGV[3 + i - first_record]
  local record = payload ~= '' and redis.call('GET', KEYS[i])
  local place = record and string.match(record, '^%S+ %S+ %S+ ', 17)
  if place then
    redis.call('SET', KEYS[i], string.rep('\0', 16) .. place .. payload, 'KEEPTTL')
  elseif payload == '' then
    redis.call('DEL', KEYS[i])
  end
end
return reply
