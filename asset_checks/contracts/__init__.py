"""Pandera contracts of tables, built from the columns that a model's spec declares."""
