"""Second places that hold the ledger's checkpoints, out of reach of whoever holds the ledger."""
