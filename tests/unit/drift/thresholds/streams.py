"""Simulated days of a stable column: counts in ten bins, days that differ a little."""

import numpy as np


def stream(rng, days, rows, *, wave=0.0, shift=0.0, bins=10):
    places = np.linspace(-1, 1, bins)
    tilt = rng.normal(0, wave, days) + shift
    weights = np.exp(tilt[:, None] * places)
    return rng.multinomial(rows, weights / weights.sum(axis=1, keepdims=True))
