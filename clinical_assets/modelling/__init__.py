"""Model specification, training and evaluation: pure functions over polars frames and records."""
