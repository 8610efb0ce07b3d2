-- Writes what has become of a counter's holds.
-- @include digits
local function write_holds(counter, key)
  for tag in pairs(counter.changed) do
    local hold = counter.holds[tag]
    if hold then
      local text = digits(hold.amount) .. ' ' .. digits(hold.expires) .. ' ' .. hold.owner
      redis.call('HSET', key, 'h:' .. tag, text)
    else
      redis.call('HDEL', key, 'h:' .. tag)
    end
  end
  redis.call('HSET', key, 'held', digits(counter.held))
  if counter.soonest == math.huge then
    redis.call('HDEL', key, 'soonest')
  elseif counter.soonest then
    redis.call('HSET', key, 'soonest', digits(counter.soonest))
  end
end
