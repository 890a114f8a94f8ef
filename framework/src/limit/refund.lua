-- Gives one request back to the slot that it was taken from, if the slot still counts: the twin of Window::refund.
--
-- KEYS   the limit
-- ARGV   a nonce, and the end of the slot
-- reply  the nonce, and 1 or 0 for given back
local byte, char, sub, floor = string.byte, string.char, string.sub, math.floor

local function number(text, at, length)
  local value = 0
  for i = at, at + length - 1 do value = value * 256 + byte(text, i) end
  return value
end

local function bytes(value, length)
  local text = ''
  for _ = 1, length do
    text = char(value % 256) .. text
    value = floor(value / 256)
  end
  return text
end

local value, slot = redis.pcall('GET', KEYS[1]), tonumber(ARGV[2])
local left = redis.call('PTTL', KEYS[1])
if type(value) == 'string' and #value % 10 == 4 and left > 0 then
  for at = 5, #value, 10 do
    local count = number(value, at + 6, 4)
    if number(value, at, 6) == slot and count > 0 then
      value = bytes(number(value, 1, 4) - 1, 4) .. sub(value, 5, at + 5) .. bytes(count - 1, 4) .. sub(value, at + 10)
      redis.call('SET', KEYS[1], value, 'PX', left)
      return {ARGV[1], 1}
    end
  end
end
return {ARGV[1], 0}
