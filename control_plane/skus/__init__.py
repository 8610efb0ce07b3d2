"""SKUs: what is sold of a product; an order's item that names one is of its product."""
