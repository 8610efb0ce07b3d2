-- A whole number as text. tostring() loses digits from 1e14 on, and a budget in minor units may be larger.
local function digits(number)
  return string.format('%.0f', number)
end
