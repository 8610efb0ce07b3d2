-- A counter's numbers as a table, or false where the key is absent. All numbers are gross, so they only grow:
-- used = granted - returned, exposure = granted - confirmed. No limit reads as infinity.
local function read_counter(key)
  local h = redis.call('HMGET', key, 'limit', 'granted', 'returned', 'confirmed', 'held', 'withheld')
  if not h[2] then
    return false
  end
  return {
    limit = tonumber(h[1]) or math.huge,
    granted = tonumber(h[2]),
    returned = tonumber(h[3]),
    confirmed = tonumber(h[4]),
    held = tonumber(h[5]) or 0,
    withheld = tonumber(h[6]) or 0,
    taken = 0,
  }
end
