"""Whether the right cause is named first: known faults put into real columns, many times over."""

from collections import Counter
from collections.abc import Callable

import numpy as np

COLUMNS = ("HR", "Temp", "SBP", "Glucose", "Creatinine", "Hgb", "Calcium", "Lactate")
SIZES = (300, 1000, 5000)
_FACTORS = {
    "HR": None,
    "Temp": (1.8, 32.0),
    "SBP": (1 / 7.500615, 0.0),
    "Glucose": (1 / 18.0156, 0.0),
    "Creatinine": (88.402, 0.0),
    "Hgb": (0.6206, 0.0),
    "Calcium": (1 / 4.0078, 0.0),
    "Lactate": (9.0078, 0.0),
}

Values = np.ndarray
Fault = Callable[[Values, np.random.Generator, str], Values | None]


def _unit(v: Values, rng: np.random.Generator, column: str) -> Values | None:
    factor = _FACTORS[column]
    if factor is None:
        return None
    return np.round(v * factor[0] + factor[1], 2 if factor[0] < 1 else 1)


def _stuck(v: Values, rng: np.random.Generator, column: str) -> Values:
    return np.where(rng.random(len(v)) < 0.3, np.round(np.quantile(v, 0.4), 1), v)


def _rounded(v: Values, rng: np.random.Generator, column: str) -> Values | None:
    largest = (np.quantile(v, 0.9) - np.quantile(v, 0.1)) / 5
    power = 10.0 ** np.floor(np.log10(largest))
    step = max(s for s in (power, 2 * power, 5 * power) if s <= largest)
    rounded = np.round(v / step) * step
    return rounded if np.mean(~np.isclose(rounded, v)) > 0.3 else None


FAULTS: dict[str, Fault] = {
    "none": lambda v, rng, c: v,
    "unit": _unit,
    "offset": lambda v, rng, c: np.round(v + 0.7 * _width(v), 2),
    "scale": lambda v, rng, c: np.round(v * 1.5, 2),
    "spread": lambda v, rng, c: np.round((v - np.median(v)) * 1.7 + np.median(v), 2),
    "precision": _rounded,
    "missing": lambda v, rng, c: np.where(rng.random(len(v)) < 0.25, np.nan, v),
    "stuck": _stuck,
    "placeholder": lambda v, rng, c: np.where(rng.random(len(v)) < 0.15, -1.0, v),
    "clipped": lambda v, rng, c: np.minimum(v, np.quantile(v, 0.8)),
    "cut_off": lambda v, rng, c: v[v <= np.quantile(v, 0.75)],
}


def _width(v: Values) -> float:
    return float(np.quantile(v, 0.84) - np.quantile(v, 0.16)) / 2


def confusion(columns: dict[str, Values], sizes: tuple[int, ...], seeds: int, summary) -> Counter:  # type: ignore[no-untyped-def,type-arg]
    """How often each cause was named first, by (size, fault, cause)."""
    from clinical_assets.drift.diagnosis import diagnose_numbers

    found: Counter[tuple[int, str, str]] = Counter()
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        for name, values in columns.items():
            before = summary(rng.choice(values, 10_000))
            for size in sizes:
                for fault, make in FAULTS.items():
                    after = make(rng.choice(values, size), rng, name)
                    if after is not None:
                        causes = diagnose_numbers(name, before, summary(after, before))
                        found[size, fault, causes[0].kind if causes else "none"] += 1
    return found
