"""Events that could not be settled, and the way out for them."""
