"""The best stack: which of many redeemables, in which order, take most off an order together.

A search in steps, so that whoever runs it may stop it at any time and have the best that was found until then, and
whether it is proven that nothing is better. Must never look at a clock, nor spend a card: what is the customer's own
money or points pays afterwards.
"""

from .search import MOST_SEARCHED, Search

__all__ = ["MOST_SEARCHED", "Search"]
