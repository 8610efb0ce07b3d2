"""The reconciler: settles every shard's stream into PostgreSQL, and opens, closes and recovers their epochs.

Any number of them may run: who wins is decided by a compare-and-set in PostgreSQL and by nothing else. Must never
grant anything, and never hold state that is not in PostgreSQL or Redis.
"""
