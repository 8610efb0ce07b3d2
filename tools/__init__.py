"""The workshop: stdlib only, imports nothing of the product, because it runs before anything is installed."""
