-- What a script sees inside Redis or Valkey.
std = "lua51"
max_line_length = 120
read_globals = { "redis", "server", "cjson", "cmsgpack", "struct", "bit", "KEYS", "ARGV" }
-- A command sees what it includes; an include is put into a command, so it is used elsewhere.
read_globals = { "redis", "cmsgpack", "KEYS", "ARGV", "STATUS", "VERDICT", "COMMIT", "PROBE", "DRY", "HOLD", "RELEASE",
                 "digits", "is_open", "read_counter", "array_header", "admit", "is_before", "parse_hold", "hold_of", "own_hold", "put_hold", "soonest_of",
                 "own_units", "free_expired", "check_holds", "find_missing", "take_with_holds", "write_holds" }
files["lua/includes"] = { ignore = { "211", "431" } }
