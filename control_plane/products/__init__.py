"""Products: what is sold, as far as validation rules and discounts read it."""
