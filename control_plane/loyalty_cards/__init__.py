"""Loyalty cards: who has how many points, and why."""
