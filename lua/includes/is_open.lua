-- The fence: an epoch that is closed, or that this server does not have, takes nothing.
local function is_open(meta_key)
  return redis.call('HGET', meta_key, 'state') == 'open'
end
