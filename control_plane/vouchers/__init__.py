"""Vouchers: codes with rules of their own, one by one or in batches."""
