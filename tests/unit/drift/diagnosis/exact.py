"""Summaries made from every value, naively: what a profile says without its error."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Numbers:
    """A numeric column; NaN is missing."""

    values: np.ndarray
    commonest_within = 0.0

    @property
    def _there(self) -> np.ndarray:
        if "sorted" not in self.__dict__:
            there = np.sort(self.values[~np.isnan(self.values)])
            object.__setattr__(self, "sorted", there)
        return self.__dict__["sorted"]

    @property
    def rows(self) -> int:
        return len(self.values)

    @property
    def missing(self) -> int:
        return int(np.isnan(self.values).sum())

    @property
    def minimum(self) -> float | None:
        return float(self._there[0]) if len(self._there) else None

    @property
    def maximum(self) -> float | None:
        return float(self._there[-1]) if len(self._there) else None

    @property
    def infinite(self) -> int:
        return int(np.isinf(self._there).sum())

    @property
    def decimals(self) -> dict[str, float]:
        there = self._there
        upto = [int((np.abs(there - np.round(there, k)) < 1e-9).sum()) for k in range(4)]
        counts = np.diff([0, *upto, len(there)]) / max(1, len(there))
        return dict(zip(("whole", "1", "2", "3", "more"), counts.tolist(), strict=True))

    @property
    def commonest(self) -> tuple[float, float] | None:
        if not len(self._there):
            return None
        values, counts = np.unique(self._there, return_counts=True)
        return float(values[counts.argmax()]), float(counts.max() / counts.sum())

    def quantile(self, p: np.ndarray) -> np.ndarray:
        return np.quantile(self._there, p)


@dataclass(frozen=True)
class Levels:
    """A categorical column; None is missing."""

    values: Sequence[str | None]
    known: frozenset[str] | None = None
    rows: int = field(init=False)
    missing: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", len(self.values))
        object.__setattr__(self, "missing", sum(v is None for v in self.values))

    @property
    def _counts(self) -> dict[str, int]:
        return dict(Counter(v for v in self.values if v is not None))

    @property
    def levels(self) -> dict[str, int]:
        return {k: n for k, n in self._counts.items() if self.known is None or k in self.known}

    @property
    def new_levels(self) -> dict[str, int]:
        return {k: n for k, n in self._counts.items() if k not in self.levels}

    @property
    def other(self) -> int:
        return sum(self.new_levels.values())
