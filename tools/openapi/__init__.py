"""The one OpenAPI document of both planes, read off their code: `python -m tools.openapi [--check]`.

Must never say of a route what its code does not: what is asked of a query, refused and answered is found there.
"""
