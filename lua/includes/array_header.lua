-- The MessagePack header of an array of `count` elements (msgpack spec, "array format family"), so that elements
-- that are encoded already can be concatenated behind it.
local function array_header(count)
  if count < 16 then
    return string.char(144 + count)
  end
  return string.char(220, math.floor(count / 256), count % 256)
end
