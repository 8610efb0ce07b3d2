"""Qualifications: what applies to a cart and a customer now, without anybody naming it, and the best stack of it.

Owns the index of each project's promotion tiers, which finds those that can apply at all. What does apply is decided
and judged by the code that redeems, with nothing written. Must never show what a redemption would refuse.
"""
