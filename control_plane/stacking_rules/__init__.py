"""Stacking rules: what a project decides for all its checkouts."""
