"""Accounts: who pays, and in which shard its data live."""
