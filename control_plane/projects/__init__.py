"""Projects: one of an account's clients, with a currency, keys and data of its own."""
