"""Pairs of columns with a known change between them, from nothing but a seed.

The reference holds ten windows, the current side one. Numbers are standard normal, 2 % of the
values are missing, and there is one change at a time.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

WINDOWS = 10
MISSING = 0.02
LEVELS = (0.35, 0.25, 0.2, 0.15, 0.05)
CORRELATION = 0.5
_OTHER = (0.30, 0.25, 0.2, 0.15, 0.10)
Draw = Callable[["np.random.Generator", int], Any]


def _mean(shift: float) -> Draw:
    return lambda rng, rows: rng.normal(shift, 1, rows)


def _tail(rng: "np.random.Generator", rows: int) -> Any:
    """Student's t with 3 degrees of freedom, scaled to the same variance of 1."""
    return rng.standard_t(3, rows) / 3**0.5


def _day(rng: "np.random.Generator", rows: int) -> Any:
    """Normal about a mean of the day's own, which varies by a tenth of the standard deviation."""
    return rng.normal(rng.normal(0, 0.1), 1, rows)


def _levels(shares: tuple[float, ...]) -> Draw:
    return lambda rng, rows: rng.choice(len(shares), rows, p=shares)


CASES: dict[str, tuple[Draw, float, bool]] = {
    # how current values are drawn, share missing, whether they are text
    "no change, numbers": (_mean(0), MISSING, False),
    "no change, text": (_levels(LEVELS), MISSING, True),
    "mean + 0.1 sd": (_mean(0.1), MISSING, False),
    "mean + 0.25 sd": (_mean(0.25), MISSING, False),
    "mean + 0.5 sd": (_mean(0.5), MISSING, False),
    "mean + 1 sd": (_mean(1), MISSING, False),
    "scale × 1.25": (lambda rng, rows: rng.normal(0, 1.25, rows), MISSING, False),
    "heavier tails": (_tail, MISSING, False),
    "missing + 5 points": (_mean(0), MISSING + 0.05, False),
    "level + 5 points": (_levels(_OTHER), MISSING, True),
    # No change either: what each window does, the current one does too.
    "no change, days vary": (_day, MISSING, False),
}


def pair(case: str, rows: int, number: int) -> "tuple[pl.Series, pl.Series]":
    """Reference and current of one repetition."""
    import numpy as np

    draw, missing, text = CASES[case]
    rng = np.random.default_rng([list(CASES).index(case), rows, number])
    before = _levels(LEVELS) if text else _mean(0)
    if draw is _day:
        values = np.concatenate([_day(rng, rows) for _ in range(WINDOWS)])
    else:
        values = before(rng, WINDOWS * rows)
    reference = _series(rng, values, MISSING, text)
    return reference, _series(rng, draw(rng, rows), missing, text)


def correlated(rows: int, number: int, changed: bool) -> "tuple[pl.DataFrame, pl.DataFrame]":
    """Two normal columns, uncorrelated; the current ones correlated by a half if ``changed``."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng([99, rows, number, changed])
    frames = []
    for size, r in ((WINDOWS * rows, 0.0), (rows, CORRELATION if changed else 0.0)):
        x, e = rng.standard_normal((2, size))
        frames.append(pl.DataFrame({"x": x, "y": r * x + (1 - r * r) ** 0.5 * e}))
    return frames[0], frames[1]


def _series(rng: "np.random.Generator", values: Any, missing: float, text: bool) -> "pl.Series":
    import numpy as np
    import polars as pl

    found = pl.Series(values)
    if text:
        found = pl.Series([f"level {i}" for i in range(len(LEVELS))]).gather(found)
    return found.scatter(np.flatnonzero(rng.random(len(values)) < missing), None)


def prepare(folder: str, rows: int, repetitions: int) -> None:
    """Every pair as two columns of the two files that a runner reads, named by case and number."""
    import polars as pl

    from benchmarks.peers.protocol import CURRENT, REFERENCE

    sides: tuple[dict[str, pl.Series], dict[str, pl.Series]] = ({}, {})
    for case in CASES:
        for number in range(repetitions):
            for side, values in zip(sides, pair(case, rows, number), strict=True):
                side[f"{case}|{number}"] = values
    for name, side in zip((REFERENCE, CURRENT), sides, strict=True):
        pl.DataFrame(side).write_parquet(f"{folder}/{name}")


def alarms(found: "dict[str, float | None]") -> dict[str, float]:
    """Share of alarms by case, from what a runner says of each column.

    >>> alarms({"mean|0": 1.0, "mean|1": 0.0, "tail|0": None})
    {'mean': 0.5, 'tail': 0.0}
    """
    by_case: dict[str, list[float]] = {}
    for column, alarm in found.items():
        by_case.setdefault(column.rpartition("|")[0], []).append(alarm or 0.0)
    return {case: sum(values) / len(values) for case, values in by_case.items()}
