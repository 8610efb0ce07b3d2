"""Benchmarks: what a redemption costs, beside the same handler without a committer. The product needs none of it."""
