-- What a script says of the whole call. The numbers are those of domain/outcomes.py (Status); a test compares the two.
local STATUS = { OK = 0, FENCED = 1, MOVED = 2, EXISTS = 3, BEHIND = 4 }
