"""Groups of what a shop keeps here: what segments of customers and collections of products have in common."""
