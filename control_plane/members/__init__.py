"""Members: who works in an account, as what, and invitations to do so."""
