"""Exports: what lists show, all of it, as a file."""
