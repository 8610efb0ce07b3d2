-- What a script sees inside Redis or Valkey.
std = "lua51"
max_line_length = 120
read_globals = { "redis", "server", "cjson", "cmsgpack", "struct", "bit", "KEYS", "ARGV" }
-- A command sees what it includes; an include is put into a command, so it is used elsewhere.
read_globals = { "redis", "cmsgpack", "KEYS", "ARGV", "STATUS", "VERDICT", "MODE", "digits", "is_open", "read_counter",
                 "array_header", "admit", "is_before", "parse_hold", "hold_of", "own_hold", "put_hold", "soonest_of",
                 "own_units", "free_expired", "take", "write_holds", "write_counters" }
files["lua/includes"] = { ignore = { "211", "431" } }
