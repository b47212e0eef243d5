"""Measurements of speed and memory, as ratios within one run: ``python -m benchmarks``.

One file a benchmark; ``measure`` holds the clock, ``table`` the printed form. Nothing here is
imported by the product, and no test asserts a time.
"""
