-- Writes what the call has made of its counters. Requires: KEYS.
-- @include digits
-- @include write_holds
local function write_counters(counters)
  for number, counter in pairs(counters) do
    if counter and (counter.taken > 0 or counter.changed) then
      if counter.created then
        redis.call('HSET', KEYS[number], 'granted', digits(counter.taken), 'returned', '0', 'confirmed', '0')
      elseif counter.taken > 0 then
        redis.call('HINCRBY', KEYS[number], 'granted', digits(counter.taken))
      end
      if counter.changed then
        write_holds(counter, KEYS[number])
      end
    end
  end
end
