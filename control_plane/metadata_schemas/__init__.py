"""Metadata schemas: what the metadata of a project's things must look like."""
