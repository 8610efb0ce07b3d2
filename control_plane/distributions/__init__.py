"""Distributions: publications for all customers of a segment, as an asynchronous action."""
