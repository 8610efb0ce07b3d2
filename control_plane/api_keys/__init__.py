"""API keys of a project: made, listed masked, revoked."""
