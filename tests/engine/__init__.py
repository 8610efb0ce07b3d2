"""The hot path: its parts alone, and its handler on a real PostgreSQL and a real Valkey."""
