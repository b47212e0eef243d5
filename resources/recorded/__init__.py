"""The stores as the product gets them: every read and write is in the ledger."""
