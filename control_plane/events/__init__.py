"""Events: what a shop tells of its customers, and what they earn by it."""
