--[[
  Redeems with wrk: another Idempotency-Key and another customer for each request, every answer checked.
  Told by the environment (see bench/generators.py), so that no key is among the arguments. Prints one JSON object.

  Near the end no request is begun any more, so that those under way are answered before wrk stops: whoever would send
  then sends the first letter of a request only, and wrk's end closes the connection.
]]
local ffi = require("ffi")
ffi.cdef("typedef struct { long s; long ns; } vf_time; int clock_gettime(int clock, vf_time *at);")

local MONOTONIC = 1
local at = ffi.new("vf_time")
local function now()
  ffi.C.clock_gettime(MONOTONIC, at)
  return tonumber(at.s) + tonumber(at.ns) / 1e9
end

local threads = {}
function setup(thread)
  thread:set("number", #threads)
  threads[#threads + 1] = thread
end

-- Globals, because wrk hands a thread's numbers out by name.
sent, granted, wrong, duplicates, lost = 0, 0, 0, 0, 0
refused_text, samples_text, first_s, last_s = "", "", 0, 0

local codes, head, tail, run, window_s, most
local open, seen, refused, samples, kept = {}, {}, {}, {}, 0
local verified

function init()
  run = os.getenv("BENCH_RUN") .. "-" .. number
  window_s = tonumber(os.getenv("BENCH_SECONDS"))
  most = tonumber(os.getenv("BENCH_MOST")) / tonumber(os.getenv("BENCH_THREADS"))
  codes = {}
  for code in io.lines(os.getenv("BENCH_CODES")) do
    codes[#codes + 1] = code
  end
  head = " HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nAuthorization: Bearer "
    .. os.getenv("BENCH_SECRET_KEY") .. "\r\nIdempotency-Key: "
  tail = '","order_value":89.99}'
end

local function redeem(index)
  local key = run .. "-" .. index
  local body = '{"customer_id":"c' .. key .. tail
  open[key] = true
  return "POST /v1/vouchers/" .. codes[index % #codes + 1] .. "/redeem" .. head .. key
    .. "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function request()
  if number == 0 and not verified then
    verified = true -- wrk asks for one request only to see that it is well formed, and never sends it
    local text = redeem(0)
    open = {}
    return text
  end
  local time = now()
  if first_s == 0 then
    first_s = time
  end
  if time - first_s >= window_s or sent >= most then
    return "P"
  end
  sent = sent + 1
  return redeem(sent)
end

local function keep(body)
  if kept < 3 then
    kept = kept + 1
    samples[kept] = string.sub(body, 1, 200)
    samples_text = table.concat(samples, "\n")
  end
end

function response(status, _, body)
  last_s = now()
  if status == 200 then
    local id, key = string.match(body, '^{"id":"(rdm_%w+)","status":"redeemed".-"idempotency_key":"([^"]*)"')
    if not id or not open[key] then
      wrong = wrong + 1
      keep(body)
    elseif seen[id] then
      duplicates = duplicates + 1
      keep(body)
    else
      open[key] = nil
      seen[id] = true
      granted = granted + 1
    end
  else
    refused[status] = (refused[status] or 0) + 1
    keep(body)
    refused_text = ""
    for code, count in pairs(refused) do
      refused_text = refused_text .. code .. "=" .. count .. " "
    end
  end
end

local function quoted(text)
  return '"' .. text:gsub('[%c"\\]', function(c) return string.format("\\u%04x", c:byte()) end) .. '"'
end

function done(summary, latency, _)
  local total = { sent = 0, granted = 0, wrong = 0, duplicates = 0 }
  local texts, examples, started, ended = {}, {}, math.huge, 0
  for i, thread in ipairs(threads) do
    for name in pairs(total) do
      total[name] = total[name] + thread:get(name)
    end
    texts[i], examples[i] = thread:get("refused_text"), thread:get("samples_text")
    started, ended = math.min(started, thread:get("first_s")), math.max(ended, thread:get("last_s"))
  end
  local errors = summary.errors
  io.write(string.format(
    '{"sent":%d,"granted":%d,"wrong":%d,"duplicates":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,'
      .. '"broken":%d,"refused":%s,"samples":%s}\n',
    total.sent, total.granted, total.wrong, total.duplicates, math.max(0, ended - started),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.timeout,
    quoted(table.concat(texts, " ")), quoted(table.concat(examples, "\n"))
  ))
end
