"""Dagster's instance and its storages, in which every act is in the ledger first (P11-05)."""
