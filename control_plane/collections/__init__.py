"""Collections: groups of products, by the shop's own names."""
