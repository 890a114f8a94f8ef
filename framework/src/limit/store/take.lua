-- Decides on requests one after the other, each of which takes one from every limit of its, or from none: the twin of
-- window.rs, where the rule is explained. Behind value.lua.
--
-- KEYS   the limits of the first request, those of the second and so on, all in one slot of a cluster; those of one
--        request are all different
-- ARGV   a nonce; then in one word for each request a byte that says how many limits it has, and for each of these a
--        byte that says which quota; then the count and the window in milliseconds of the first quota, and so on
-- reply  the nonce, then for each request 1 or 0 for admitted, and for each of its limits: what remains, the milliseconds
--        until it lets one more in (0 if it would now), the milliseconds until it has more, and the end of the slot that
--        was charged
local time = redis.call('TIME')
local now = time[1] * 1000 + (time[2] - time[2] % 1000) / 1000

local quotas = {}
for word = 3, #ARGV, 2 do
  local window = tonumber(ARGV[word + 1])
  local width = math.ceil(window / 60)
  -- The slot in which now is, and how long it counts.
  local last = now - now % width + width
  local left = last + window - now
  quotas[#quotas + 1] = {count = tonumber(ARGV[word]), window = window, gone = now - window, last = last,
    left = left, stays = string.format('%d', left)}
end

-- Each limit is read once and written once, however many requests take from it, unless they disagree about its window.
local values, kept, views = redis.call('MGET', unpack(KEYS)), {}, {}

local function keep(key)
  local view = views[key]
  local value = in_four(view.total) .. view.older
  if view.newest then value = value .. in_six(view.last) .. in_four(view.newest) end
  redis.call('SET', key, value, 'PX', view.stays)
  kept[key], view.stays = value, nil
end

-- A limit as it counts now. `newest` is the count of the slot in which now is, `older` are the others. If it has changed,
-- `stays` is for how long it is to be kept.
local function look(i, quota)
  local key = KEYS[i]
  local known = views[key]
  if known and known.window == quota.window then return known end
  if known and known.stays then keep(key) end
  local value = kept[key] or sound(values[i])
  local gone, last = quota.gone, quota.last
  local total, from, to = four(value, 1), 5, #value
  while from < to and six(value, from) <= gone do
    total = total - four(value, from + 6)
    from = from + 10
  end
  local newest, stays
  while from < to do
    local ends = six(value, to - 9)
    if ends < last then break end
    -- Later than now can be: the clock was put back, or the window was longer. It was not later than this slot.
    if ends > last then stays = quota.stays end
    newest = (newest or 0) + four(value, to - 3)
    to = to - 10
  end
  local view = {window = quota.window, last = last, total = total, older = sub(value, from, to), newest = newest,
    stays = stays}
  views[key] = view
  return view
end

-- How long until a limit that is used up lets one more in.
local function wait(view, quota)
  local rest, ends, older, from = view.total, quota.gone, view.older, 1
  while rest >= quota.count and from < #older do
    rest, ends = rest - four(older, from + 6), six(older, from)
    from = from + 10
  end
  if rest >= quota.count and view.newest then ends = quota.last end
  return ends - quota.gone
end

local reply, at, key, shape, from = {ARGV[1]}, 2, 0, ARGV[2], 1
while from <= #shape do
  local limits, admitted = byte(shape, from), 1
  for i = 1, limits do
    local quota = quotas[byte(shape, from + i)]
    if look(key + i, quota).total >= quota.count then admitted = 0 end
  end
  reply[at], at = admitted, at + 1
  for i = 1, limits do
    local view, quota, waits, charged = views[KEYS[key + i]], quotas[byte(shape, from + i)], 0, 0
    if admitted == 1 then
      view.total, view.newest, view.stays = view.total + 1, (view.newest or 0) + 1, quota.stays
      charged = quota.last
    elseif view.total >= quota.count then
      waits = wait(view, quota)
    end
    local oldest = view.older ~= '' and six(view.older, 1) or view.newest and quota.last or quota.gone
    reply[at], reply[at + 1] = view.total < quota.count and quota.count - view.total or 0, waits
    reply[at + 2], reply[at + 3] = oldest - quota.gone, charged
    at = at + 4
  end
  key, from = key + limits, from + limits + 1
end

for i = 1, #KEYS do
  if views[KEYS[i]].stays then keep(KEYS[i]) end
end
return reply
