"""The operator's command line, `vauchflow`. No server imports it.

Commands for whoever runs an installation connect to its stores as the owner; those for whoever works in it (imports,
exports, `tail`) ask the API with a key. See docs/cli.md.
"""
