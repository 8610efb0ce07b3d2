-- Puts a hold of `tag` on a counter in place of the one that is there; false takes that away. In memory only: what has
-- changed is written by write_holds.
-- @include hold_of
-- @include soonest_of
local function put_hold(counter, key, tag, hold)
  local old = hold_of(counter, key, tag)
  if old then
    counter.held = counter.held - old.amount
  end
  if hold then
    counter.held = counter.held + hold.amount
    counter.soonest = math.min(soonest_of(counter, key), hold.expires)
  end
  counter.holds[tag] = hold
  counter.changed = counter.changed or {}
  counter.changed[tag] = true
end
