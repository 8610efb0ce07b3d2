-- Whether the session's holds are as the item needs them, or { verdict, number of the move }. Counters that are missing
-- are told later. Mirrors Model._judge_holds. Requires: VERDICT, HOLD, KEYS.
-- @include hold_of
local function check_holds(load, mode, moves, use, now)
  for i = 1, #moves, 5 do
    local counter = load(moves[i], moves[i + 4])
    local hold = counter and hold_of(counter, KEYS[moves[i]], use[1])
    local is_live = hold and hold.expires > now
    local is_mine = is_live and (use[2] == '' or use[2] == hold.owner)
    if is_live and not is_mine and mode == HOLD then
      return { VERDICT.HOLD_TAKEN, (i - 1) / 5 }
    elseif counter and use[4] == 1 and not is_mine then
      return { VERDICT.HOLD_GONE, (i - 1) / 5 }
    end
  end
end
