#!lua
--[[
  Commits a batch of items, each all or nothing, judged in order against the counters plus what this call has
  granted so far. Judges everything first, then writes; nothing after the first write can raise.

  KEYS[1]    the epoch's meta hash
  KEYS[2]    the epoch's stream
  KEYS[3..]  records, definitions, change numbers and counters, each once; items name them by number
  ARGV[1]    MessagePack array of items, each
             { mode, record, not_before_ms, not_after_ms, checks, guards, moves [, alias, record id, hold] }
               mode    0 COMMIT, 1 PROBE (the caller refused: does it stand?), 2 DRY (judge only), 3 HOLD, 4 RELEASE
               record  number of the key, 0 for none
               checks  flat { key, version, ... }          guards  flat { counter, at least, at most (-1: open), ... }
               moves   flat { counter, amount, limit (-1: its own), window, absent_is_zero, ... }
               alias   number of the order's record, 0 for none; it is given the record id
               hold    { tag, owner ('' for any), until_ms, required } or false
  ARGV[2]    lifetime of a record in ms
  ARGV[3..]  fingerprint (16 bytes, or '' where there is no record) and payload of each item in turn: apart from the
             array, because the server's MessagePack knows no binary

  Returns { STATUS.FENCED }, or { STATUS.OK, now_ms, entry id or '', last entry id, outcome, ... }; an outcome is a
  VERDICT, or { VERDICT, detail ... }: the record (REPLAY), the record id (ORDER), key numbers (MISSING, STALE), the
  number of the move or guard that refused, from 0.
  Effects  one stream entry for all grants { v, t, e }, `granted` or holds of their counters, their records and
           aliases, meta last, added; expired holds that stood in somebody's way.
]]
-- @include statuses
-- @include verdicts
-- @include modes
-- @include digits
-- @include array_header
-- @include read_counter
-- @include admit

local meta = redis.call('HMGET', KEYS[1], 'state', 'last', 'added', 'settled', 'withheld', 'bound', 'entry')
if meta[1] ~= 'open' then
  return { STATUS.FENCED }
end
local clock = redis.call('TIME')
local now = math.max(tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000), tonumber(meta[2]))
local room = tonumber(meta[6]) - tonumber(meta[3]) + tonumber(meta[4])
local withheld_counts = meta[5] == '1'

local items = cmsgpack.unpack(ARGV[1])
local grants, payloads = {}, {}
local counters, versions, fresh, records = {}, {}, {}, {}
local aliases, holds

-- Every record that the batch may have is read at once.
local record_keys, record_numbers = {}, {}
for i = 1, #items do
  local number, alias = items[i][2], items[i][8]
  if number ~= 0 and records[number] == nil then
    records[number] = false
    record_keys[#record_keys + 1] = KEYS[number]
    record_numbers[#record_numbers + 1] = number
  end
  if alias and alias ~= 0 and records[alias] == nil then
    records[alias] = false
    record_keys[#record_keys + 1] = KEYS[alias]
    record_numbers[#record_numbers + 1] = alias
  end
end
if #record_keys > 0 then
  local found = redis.call('MGET', unpack(record_keys))
  for i = 1, #record_numbers do
    records[record_numbers[i]] = found[i]
  end
end

-- What only holds need. Made once one is met, because making so many functions costs a plain redemption some 3 %.
local function need_holds()
  if holds then
    return holds
  end
-- @include check_holds
-- @include find_missing
-- @include own_units
-- @include free_expired
-- @include take_with_holds
-- @include write_holds
  holds = { check = check_holds, find_missing = find_missing, own_units = own_units, free_expired = free_expired,
    take = take_with_holds, write = write_holds }
  return holds
end

local function load(number, absent_is_zero)
  local counter = counters[number]
  if not counter then
    counter = counters[number] == nil and read_counter(KEYS[number])
    if not counter and absent_is_zero == 1 then
      counter = { limit = math.huge, granted = 0, returned = 0, confirmed = 0, held = 0, withheld = 0, taken = 0 }
      counter.created = true
    end
    counters[number] = counter
  end
  return counter
end

local function check(checks)
  local missing, stale
  for i = 1, #checks, 2 do
    local number = checks[i]
    local version = versions[number]
    if version == nil then
      version = tonumber(redis.call('HGET', KEYS[number], 'version') or 0)
      versions[number] = version
    end
    if version ~= checks[i + 1] then
      if version == 0 then
        missing = missing or { VERDICT.MISSING }
        missing[#missing + 1] = number
      else
        stale = stale or { VERDICT.STALE }
        stale[#stale + 1] = number
      end
    end
  end
  return missing or stale
end

local function check_guards(guards)
  for i = 1, #guards, 3 do
    local counter = load(guards[i], 0)
    if not counter then
      return { VERDICT.MISSING, guards[i] }
    end
    local used = counter.granted + counter.taken - counter.returned
    if used < guards[i + 1] or (guards[i + 2] >= 0 and used > guards[i + 2]) then
      return { VERDICT.GUARD, (i - 1) / 3 }
    end
  end
end

-- The most definite refusal is told: LIMIT, MISSING, HELD, WITHHELD, UNCONFIRMED, WINDOW; see Model.RANK.
local function judge(moves, use)
  local worst, at, missing
  for i = 1, #moves, 5 do
    local counter = load(moves[i], moves[i + 4])
    if not counter then
      missing = missing or { VERDICT.MISSING }
      missing[#missing + 1] = moves[i]
    else
      local limit = moves[i + 2]
      if limit < 0 then
        limit = counter.limit
      end
      local key = KEYS[moves[i]]
      local own = use and need_holds().own_units(counter, key, use, now) or 0
      local verdict = admit(counter, moves[i + 1], limit, moves[i + 3], withheld_counts, own)
      local is_held = verdict == VERDICT.HELD or verdict == VERDICT.WITHHELD
      if is_held and counter.held > 0 and need_holds().free_expired(counter, key, now) then
        own = use and holds.own_units(counter, key, use, now) or 0
        verdict = admit(counter, moves[i + 1], limit, moves[i + 3], withheld_counts, own)
      end
      if verdict ~= VERDICT.GRANTED and (worst == nil or verdict < worst) then
        worst, at = verdict, (i - 1) / 5
      end
    end
  end
  if missing and worst ~= VERDICT.LIMIT then
    return missing
  end
  return worst and { worst, at }
end

local function decide(item, fingerprint, payload)
  local mode, number, moves, alias, use = item[1], item[2], item[7], item[8], item[10]
  if number ~= 0 then
    local record = records[number]
    if fresh[number] then
      return fingerprint == fresh[number] and { VERDICT.REPLAY, number } or VERDICT.KEY_REUSED
    elseif record then
      return fingerprint == string.sub(record, 1, 16) and { VERDICT.REPLAY, record } or VERDICT.KEY_REUSED
    end
  end
  if alias and alias ~= 0 and records[alias] then
    return { VERDICT.ORDER, records[alias] }
  elseif now < item[3] or (item[4] ~= 0 and now >= item[4]) then
    return { VERDICT.STALE }
  end
  local refused = check(item[5])
  if refused then
    return refused
  elseif mode == PROBE then
    return VERDICT.STANDS
  end
  if mode == RELEASE then
    refused = need_holds().find_missing(load, moves) or (use[4] == 1 and holds.check(load, mode, moves, use, now))
  else
    refused = check_guards(item[6]) or (use and need_holds().check(load, mode, moves, use, now)) or judge(moves, use)
  end
  if refused then
    return refused
  elseif mode == DRY then
    return VERDICT.STANDS
  elseif #grants + 1 > room then
    return VERDICT.BACKLOG
  end
  if use then
    holds.take(counters, mode, moves, use, now)
  else
    for i = 1, #moves, 5 do
      local counter = counters[moves[i]]
      counter.taken = counter.taken + moves[i + 1]
    end
  end
  grants[#grants + 1] = number
  payloads[#payloads + 1] = payload
  if number ~= 0 then
    fresh[number] = fingerprint
  end
  if alias and alias ~= 0 then
    records[alias] = item[9]
    aliases = aliases or {}
    aliases[#aliases + 1] = alias
  end
  return VERDICT.GRANTED
end

local reply = { STATUS.OK, now, '', meta[7] }
for i = 1, #items do
  reply[i + 4] = decide(items[i], ARGV[2 * i + 1], ARGV[2 * i + 2])
end

-- From here on everything is written; nothing below depends on anything that could fail.
-- Of a call without grants, that is what it has freed.
for number, counter in pairs(counters) do
  -- One that was not here, and of which nothing is taken or held after all, stays away.
  local is_empty = counter and counter.created and counter.taken == 0 and counter.held == 0
  if counter and not is_empty and (counter.taken > 0 or counter.changed) then
    if counter.created then
      redis.call('HSET', KEYS[number], 'granted', digits(counter.taken), 'returned', '0', 'confirmed', '0')
    elseif counter.taken > 0 then
      redis.call('HINCRBY', KEYS[number], 'granted', digits(counter.taken))
    end
    if counter.changed then
      holds.write(counter, KEYS[number])
    end
  end
end
if #grants == 0 then
  return reply
end
local batch = array_header(#grants) .. table.concat(payloads)
local time = digits(now)
local entry = redis.call('XADD', KEYS[2], '*', 'v', '3', 't', time, 'e', batch)
for i = 1, #grants do
  local number = grants[i]
  if number ~= 0 then
    local record = table.concat({ fresh[number], entry, ' ', i - 1, ' ', time, ' ', payloads[i] })
    records[number] = record
    redis.call('SET', KEYS[number], record, 'PX', ARGV[2])
  end
end
if aliases then
  for i = 1, #aliases do
    redis.call('SET', KEYS[aliases[i]], records[aliases[i]], 'PX', ARGV[2])
  end
end
redis.call('HSET', KEYS[1], 'last', time, 'entry', entry, 'added', digits(tonumber(meta[3]) + #grants))
reply[3], reply[4] = entry, entry
for i = 5, #reply do
  local outcome = reply[i]
  if type(outcome) == 'table' and outcome[1] == VERDICT.REPLAY and type(outcome[2]) == 'number' then
    outcome[2] = records[outcome[2]]
  end
end
return reply
