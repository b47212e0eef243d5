"""Accounts, sessions and credentials: the shell of the identity register (P11-16, P11-19)."""
