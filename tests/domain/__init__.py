"""The pure heart, by property."""
