"""Wallets: what a customer has with the shop, at one glance."""
