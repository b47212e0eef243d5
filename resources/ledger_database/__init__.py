"""The ledger's database: tables, appending, reading and guarding, on SQLite and PostgreSQL."""
