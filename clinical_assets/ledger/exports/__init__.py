"""Exports of a ledger: files that a stranger verifies without the ledger or this software."""
