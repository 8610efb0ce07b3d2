-- What a script sees inside Redis or Valkey.
std = "lua51"
max_line_length = 120
read_globals = { "redis", "server", "cjson", "cmsgpack", "struct", "bit", "KEYS", "ARGV" }
-- A command sees what it includes; an include is put into a command, so it is used elsewhere.
read_globals = { "redis", "cmsgpack", "KEYS", "ARGV", "STATUS", "VERDICT", "digits", "is_open", "read_counter",
                 "array_header", "admit", "is_before" }
files["lua/includes"] = { ignore = { "211", "431" } }
