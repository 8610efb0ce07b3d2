"""Loyalty programs: how points are earned, and what they are worth."""
