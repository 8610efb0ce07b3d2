#!lua flags=no-writes
--[[
  Reads definitions, and the change number that a hydration must carry.

  KEYS[1]    the epoch's meta hash
  KEYS[2]    the project's change number
  KEYS[3..]  definitions

  Returns { STATUS.FENCED }, or { STATUS.OK, change, version or 0, body or '', ... }.
  Effects  none.
]]
-- @include statuses
-- @include is_open

if not is_open(KEYS[1]) then
  return { STATUS.FENCED }
end
local reply = { STATUS.OK, tonumber(redis.call('HGET', KEYS[2], 'version') or 0) }
for i = 3, #KEYS do
  local definition = redis.call('HMGET', KEYS[i], 'version', 'body')
  reply[#reply + 1] = tonumber(definition[1] or 0)
  reply[#reply + 1] = definition[2] or ''
end
return reply
