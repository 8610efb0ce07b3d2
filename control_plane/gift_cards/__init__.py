"""Gift cards: money that a customer has with the shop. The ledger keeps it; here cards are issued and governed."""
