"""Customers: who buys, as far as validation rules read them."""
