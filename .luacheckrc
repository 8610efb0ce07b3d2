-- What a script sees inside Redis or Valkey.
std = "lua51"
max_line_length = 110
read_globals = { "redis", "server", "cjson", "cmsgpack", "struct", "bit", "KEYS", "ARGV" }
