"""Real servers for tests, made with the launcher's own parts. Each has a temporary folder and a free port."""
