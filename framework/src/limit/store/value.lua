-- How a limit is kept, for the scripts that stand behind this: the sum of its counts (4 bytes), then a slot each, oldest
-- first: its end in milliseconds since 1970 (6 bytes) and its count (4 bytes), all big-endian.
local byte, char, sub = string.byte, string.char, string.sub

local function four(text, at)
  local a, b, c, d = byte(text, at, at + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

local function six(text, at)
  local a, b = byte(text, at, at + 1)
  return (a * 256 + b) * 4294967296 + four(text, at + 2)
end

local function in_four(number)
  local d = number % 256
  number = (number - d) / 256
  local c = number % 256
  number = (number - c) / 256
  local b = number % 256
  return char((number - b) / 256 % 256, b, c, d)
end

local function in_six(number)
  local low = number % 4294967296
  local high = (number - low) / 4294967296
  return char((high - high % 256) / 256 % 256, high % 256) .. in_four(low)
end

-- What reads otherwise is as good as nothing.
local function sound(value)
  if type(value) == 'string' and #value % 10 == 4 then return value end
  return '\0\0\0\0'
end

