-- No hold on the counter expires before this time, in ms; infinity where there is none.
local function soonest_of(counter, key)
  if not counter.soonest then
    counter.soonest = tonumber(redis.call('HGET', key, 'soonest') or math.huge)
  end
  return counter.soonest
end
