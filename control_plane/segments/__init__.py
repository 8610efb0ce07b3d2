"""Segments: groups of customers, by the shop's own names."""
