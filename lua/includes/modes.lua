-- What an item asks for. The numbers are those of domain/ledger.py (Mode); a test compares the two.
local MODE = { COMMIT = 0, PROBE = 1, DRY = 2, HOLD = 3, RELEASE = 4 }
