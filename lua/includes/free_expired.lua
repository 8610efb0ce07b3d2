-- Frees a counter's expired holds, in memory; whether one may have been among them. All fields are read, so only once
-- something can have expired; `soonest` is exact then.
-- @include parse_hold
-- @include put_hold
-- @include soonest_of
local function free_expired(counter, key, now)
  if now < soonest_of(counter, key) then
    return false
  end
  counter.holds = counter.holds or {}
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local tag = string.match(fields[i], '^h:(.*)$')
    if tag and counter.holds[tag] == nil then
      counter.holds[tag] = parse_hold(fields[i + 1])
    end
  end
  counter.changed = counter.changed or {}
  counter.soonest = math.huge
  local expired = {}
  for tag, hold in pairs(counter.holds) do
    if hold and hold.expires <= now then
      expired[#expired + 1] = tag
    elseif hold then
      counter.soonest = math.min(counter.soonest, hold.expires)
    end
  end
  for i = 1, #expired do
    put_hold(counter, key, expired[i], false)
  end
  return true
end
