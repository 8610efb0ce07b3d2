-- Whether a counter takes `amount` more under `limit`: GRANTED, or why not. `own` units of what is held do not stand
-- in the way. Mirrors Model._admit.
-- Requires: VERDICT.
local function admit(counter, amount, limit, window, withheld_counts, own)
  local granted = counter.granted + counter.taken
  local used = granted - counter.returned + amount
  local held = counter.held - own
  if used > limit or used + held + counter.withheld > limit then
    -- Confirmed units alone decide a definite refusal: an unconfirmed grant may still be given back.
    if counter.confirmed - counter.returned + amount > limit then
      return VERDICT.LIMIT
    elseif used > limit then
      return VERDICT.UNCONFIRMED
    elseif used + held > limit then
      return VERDICT.HELD
    elseif withheld_counts then
      return VERDICT.WITHHELD
    end
  end
  if granted - counter.confirmed + amount > window then
    return VERDICT.WINDOW
  end
  return VERDICT.GRANTED
end
