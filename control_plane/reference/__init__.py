"""The API's own reference: its OpenAPI document, and a page that shows it without any other server.

Must never need a key: it says nothing that the source does not.
"""
