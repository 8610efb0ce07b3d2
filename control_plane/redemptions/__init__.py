"""The ledger's redemptions, as lists; a single one is the engine's."""
