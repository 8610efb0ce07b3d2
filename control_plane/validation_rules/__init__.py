"""Validation rules: conditions in the rule language, for campaigns and vouchers to name."""
