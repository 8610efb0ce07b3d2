"""The whole of it, over HTTP, as its users see it."""
