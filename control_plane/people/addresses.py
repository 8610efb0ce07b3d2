"""Mail addresses: two that lead to one mailbox by any server's book are one person."""


def normalise(email: str) -> str:
    """As it is stored and compared: lower case, no blanks around it."""
    return email.strip().lower()
