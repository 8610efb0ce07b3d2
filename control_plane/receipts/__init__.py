"""Receipts of campaigns and vouchers, and the signed proof of where their chains end."""
