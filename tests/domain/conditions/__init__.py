"""The rule language: what it takes, what it means, how long it holds."""
