"""The hot path: validate, redeem, roll back, look up. Decides in Python, commits in Redis, never waits for more.

Must never load Litestar, an ORM, a template engine or an HTTP client, and never import the control plane.
"""
