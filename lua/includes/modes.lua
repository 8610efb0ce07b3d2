-- What an item asks for. The numbers are those of domain/ledger.py (Mode); a test compares the two. No table, because
-- making one costs every call.
local COMMIT, PROBE, DRY, HOLD, RELEASE = 0, 1, 2, 3, 4
