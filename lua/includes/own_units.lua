-- The units that a use of holds sets free on a counter.
-- @include own_hold
local function own_units(counter, key, use, now)
  local hold = own_hold(counter, key, use, now)
  return hold and hold.amount or 0
end
