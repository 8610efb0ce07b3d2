-- Which of a release's counters are not here, if any: a hold that is hydrated later would come back. Requires: VERDICT.
local function find_missing(load, moves)
  local missing
  for i = 1, #moves, 5 do
    if not load(moves[i], moves[i + 4]) then
      missing = missing or { VERDICT.MISSING }
      missing[#missing + 1] = moves[i]
    end
  end
  return missing
end
