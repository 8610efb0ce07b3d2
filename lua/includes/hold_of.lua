-- The hold of `tag` on a counter as this call has left it, or false. Read only when asked for: most calls hold nothing.
-- @include parse_hold
local function hold_of(counter, key, tag)
  counter.holds = counter.holds or {}
  local hold = counter.holds[tag]
  if hold == nil then
    hold = counter.held > 0 and parse_hold(redis.call('HGET', key, 'h:' .. tag))
    counter.holds[tag] = hold
  end
  return hold
end
