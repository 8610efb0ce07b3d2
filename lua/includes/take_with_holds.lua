-- Grants, holds or gives up, in memory, what has been judged of an item that has to do with holds.
-- Requires: COMMIT, HOLD, KEYS.
-- @include own_hold
-- @include put_hold
local function take_with_holds(counters, mode, moves, use, now)
  for i = 1, #moves, 5 do
    local number = moves[i]
    local counter = counters[number]
    if own_hold(counter, KEYS[number], use, now) then
      put_hold(counter, KEYS[number], use[1], false)
    end
    if mode == HOLD then
      put_hold(counter, KEYS[number], use[1], { amount = moves[i + 1], expires = use[3], owner = use[2] })
    elseif mode == COMMIT then
      counter.taken = counter.taken + moves[i + 1]
    end
  end
end
