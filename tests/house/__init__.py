"""The shape of the house, held by tests: what a reader may count on in every room."""
