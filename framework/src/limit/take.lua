-- Takes one request from every limit, or from none: the twin of window.rs, where the rule is explained.
--
-- KEYS   one for each limit, all different, all in one slot of a cluster
-- ARGV   a nonce, then for each limit its count and its window in milliseconds
-- reply  the nonce, 1 or 0 for admitted, then for each limit: what remains, the milliseconds until it lets one more in
--        (0 if it would now), the milliseconds until it has more, and the end of the slot that was charged
--
-- A value holds the sum of its counts (4 bytes), then a slot each, oldest first: its end in milliseconds since 1970
-- (6 bytes) and its count (4 bytes), all big-endian. What reads otherwise is as good as nothing.
local byte, char, sub, floor, ceil = string.byte, string.char, string.sub, math.floor, math.ceil

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

local time = redis.call('TIME')
local now = time[1] * 1000 + floor(time[2] / 1000)
local reply, slots, totals, ends, mended = {ARGV[1], 1}, {}, {}, {}, {}

for i = 1, #KEYS do
  local count, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local width = ceil(window / 60)
  local last = (floor(now / width) + 1) * width
  local value = redis.pcall('GET', KEYS[i])
  if type(value) ~= 'string' or #value < 4 or #value % 10 ~= 4 then value = bytes(0, 4) end

  local total, at = number(value, 1, 4), 5
  while at < #value and number(value, at, 6) <= now - window do
    total = total - number(value, at + 6, 4)
    at = at + 10
  end
  local live = sub(value, at)
  -- Later than now can be: the clock was put back, or the window was longer. It was not later than this slot.
  local keep, late = #live, 0
  while keep > 0 and number(live, keep - 9, 6) > last do
    late = late + number(live, keep - 3, 4)
    keep = keep - 10
  end
  if keep < #live then
    mended[i] = true
    if keep > 0 and number(live, keep - 9, 6) == last then
      late = late + number(live, keep - 3, 4)
      keep = keep - 10
    end
    live = sub(live, 1, keep) .. bytes(last, 6) .. bytes(late, 4)
  end

  local wait = 0
  if total >= count then
    reply[2] = 0
    local rest, from = total, 1
    while rest >= count and from < #live do
      rest = rest - number(live, from + 6, 4)
      wait = number(live, from, 6) + window - now
      from = from + 10
    end
  end
  reply[4 * i] = wait
  slots[i], totals[i], ends[i] = live, total, last
end

for i = 1, #KEYS do
  local count, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local live, total, last, charged = slots[i], totals[i], ends[i], 0
  if reply[2] == 1 then
    local kept, mine = live, 0
    if #live > 0 and number(live, #live - 9, 6) == last then
      kept, mine = sub(live, 1, -11), number(live, #live - 3, 4)
    end
    live, total, charged = kept .. bytes(last, 6) .. bytes(mine + 1, 4), total + 1, last
  end
  if reply[2] == 1 or mended[i] then
    redis.call('SET', KEYS[i], bytes(total, 4) .. live, 'PX', last + window - now)
  end
  reply[4 * i - 1] = math.max(count - total, 0)
  reply[4 * i + 1] = #live > 0 and number(live, 1, 6) + window - now or 0
  reply[4 * i + 2] = charged
end
return reply
