-- A hold as its field has it, '<amount> <expires_ms> <reservation>', or false where there is none.
local function parse_hold(raw)
  if not raw then
    return false
  end
  local amount, expires, owner = string.match(raw, '^(%d+) (%d+) (.*)$')
  return { amount = tonumber(amount), expires = tonumber(expires), owner = owner }
end
