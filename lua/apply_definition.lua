#!lua
--[[
  Puts a newer definition and its counters' limits in force. What is absent stays absent (it will be hydrated from
  PostgreSQL), unless this is a creation. The project's change number is raised in any case, so that a hydration
  which read PostgreSQL before the change is refused.

  KEYS[1]    the epoch's meta hash
  KEYS[2]    the project's change number
  KEYS[3]    the definition (given, but not touched, where ARGV[2] is empty)
  KEYS[4..]  its counters
  ARGV[1]    version
  ARGV[2]    the encoded definition, or '' if only limits (or nothing) change
  ARGV[3]    1 for a creation
  ARGV[4..]  the limit of each counter, '' for none

  Returns { STATUS.FENCED }, or { STATUS.OK, used or -1 where absent, ... }.
  Effects  change number + 1; definition and limits of lower versions replaced.
]]
-- @include statuses
-- @include is_open

if not is_open(KEYS[1]) then
  return { STATUS.FENCED }
end
local version, body, creates = tonumber(ARGV[1]), ARGV[2], ARGV[3] == '1'
local known, counters = nil, {}
if body ~= '' then
  known = redis.call('HGET', KEYS[3], 'version')
end
for i = 4, #KEYS do
  counters[i] = redis.call('HMGET', KEYS[i], 'granted', 'returned', 'version')
end

redis.call('HINCRBY', KEYS[2], 'version', '1')
if body ~= '' and ((not known and creates) or (known and version > tonumber(known))) then
  redis.call('HSET', KEYS[3], 'version', ARGV[1], 'body', body)
end
local reply = { STATUS.OK }
for i = 4, #KEYS do
  local counter, limit = counters[i], ARGV[i]
  if counter[1] then
    if version > tonumber(counter[3] or 0) then
      redis.call('HSET', KEYS[i], 'version', ARGV[1])
      if limit == '' then
        redis.call('HDEL', KEYS[i], 'limit')
      else
        redis.call('HSET', KEYS[i], 'limit', limit)
      end
    end
    reply[#reply + 1] = tonumber(counter[1]) - tonumber(counter[2])
  elseif creates then
    redis.call('HSET', KEYS[i], 'granted', '0', 'returned', '0', 'confirmed', '0', 'version', ARGV[1])
    if limit ~= '' then
      redis.call('HSET', KEYS[i], 'limit', limit)
    end
    reply[#reply + 1] = 0
  else
    reply[#reply + 1] = -1
  end
end
return reply
