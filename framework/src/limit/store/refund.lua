-- Gives one request back to the slot that it was taken from, if the slot still counts: the twin of Window::refund.
-- Behind value.lua.
--
-- KEYS   the limit
-- ARGV   a nonce, and the end of the slot
-- reply  the nonce, and 1 or 0 for given back
local value, slot, left = sound(redis.call('MGET', KEYS[1])[1]), tonumber(ARGV[2]), redis.call('PTTL', KEYS[1])
for at = 5, left > 0 and #value or 0, 10 do
  local count = four(value, at + 6)
  if six(value, at) == slot and count > 0 then
    value = in_four(four(value, 1) - 1) .. sub(value, 5, at + 5) .. in_four(count - 1) .. sub(value, at + 10)
    redis.call('SET', KEYS[1], value, 'PX', left)
    return {ARGV[1], 1}
  end
end
return {ARGV[1], 0}
