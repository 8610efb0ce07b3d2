-- The hold on a counter that the use { tag, owner, ... } replaces or uses up, or false. Mirrors model.is_own: of
-- another reservation of the same session only what has expired.
-- @include hold_of
local function own_hold(counter, key, use, now)
  local hold = hold_of(counter, key, use[1])
  return hold and (hold.expires <= now or use[2] == '' or use[2] == hold.owner) and hold
end
