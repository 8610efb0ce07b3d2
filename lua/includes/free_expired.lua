-- Frees a counter's expired holds, in memory; whether one may have been among them. All fields are read, so only once
-- something can have expired; `soonest` is exact then. Of what is still held only the end is looked at: there may be
-- thousands.
-- @include parse_hold
-- @include put_hold
-- @include soonest_of
local function free_expired(counter, key, now)
  if now < soonest_of(counter, key) then
    return false
  end
  counter.holds = counter.holds or {}
  local holds, soonest, fields = counter.holds, math.huge, redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local tag = string.match(fields[i], '^h:(.*)$')
    if tag and holds[tag] == nil then
      local expires = tonumber(string.match(fields[i + 1], ' (%d+)'))
      if expires <= now then
        holds[tag] = parse_hold(fields[i + 1])
      elseif expires < soonest then
        soonest = expires
      end
    end
  end
  local expired = {}
  for tag, hold in pairs(holds) do
    if hold and hold.expires <= now then
      expired[#expired + 1] = tag
    elseif hold then
      soonest = math.min(soonest, hold.expires)
    end
  end
  counter.changed = counter.changed or {}
  counter.soonest = soonest
  for i = 1, #expired do
    put_hold(counter, key, expired[i], false)
  end
  return true
end
