"""Tests of store/: SQL, Lua stubs and keys, on real servers where it matters."""
