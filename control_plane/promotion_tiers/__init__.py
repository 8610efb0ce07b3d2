"""Promotion tiers: what applies without a code."""
