"""Exports: their forms, their verification, and attacks on both."""
