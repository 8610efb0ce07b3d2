-- What commit says of one item. The numbers are those of domain/outcomes.py (Verdict); a test compares the two.
local VERDICT = {
  GRANTED = 0,
  REPLAY = 1,
  KEY_REUSED = 2,
  STANDS = 3,
  STALE = 4,
  MISSING = 5,
  LIMIT = 6,
  HELD = 7,
  WITHHELD = 8,
  UNCONFIRMED = 9,
  WINDOW = 10,
  GUARD = 11,
  BACKLOG = 12,
  ORDER = 13,
  HOLD_GONE = 14,
  HOLD_TAKEN = 15,
}
