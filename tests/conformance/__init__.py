"""One suite over the model and the Lua scripts."""
