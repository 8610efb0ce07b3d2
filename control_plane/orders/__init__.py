"""Orders: those that a shop keeps here, and those that its checkouts and events have named."""
