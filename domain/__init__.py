"""The pure heart: money, ids, definitions, decisions, events and the model of the ledger.

Owns every rule that can be stated without a database, a socket or a clock. Must never do I/O, read the time,
draw randomness or touch a float: callers pass in what they know, and get values back.
"""
