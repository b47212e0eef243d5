"""Summaries made from every value, naively: what a profile says without its error."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Numbers:
    """A numeric column; NaN is missing."""

    values: np.ndarray
    outside_low: int = 0
    outside_high: int = 0

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
    def mean(self) -> float | None:
        return float(self._there.mean()) if len(self._there) else None

    @property
    def sd(self) -> float | None:
        return float(self._there.std()) if len(self._there) else None

    @property
    def decimals(self) -> tuple[int, ...]:
        there = self._there
        upto = [int((np.abs(there - np.round(there, k)) < 1e-9).sum()) for k in range(4)]
        return tuple(int(n) for n in np.diff([0, *upto, len(there)]))

    @property
    def commonest(self) -> tuple[float, int] | None:
        if not len(self._there):
            return None
        values, counts = np.unique(self._there, return_counts=True)
        return float(values[counts.argmax()]), int(counts.max())

    def quantile(self, p: float) -> float | None:
        there = self._there
        return float(there[min(len(there) - 1, int(p * len(there)))]) if len(there) else None


@dataclass(frozen=True)
class Levels:
    """A categorical column; None is missing."""

    values: Sequence[str | None]
    other: int = 0
    rows: int = field(init=False)
    missing: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", len(self.values))
        object.__setattr__(self, "missing", sum(v is None for v in self.values))

    @property
    def levels(self) -> dict[str, int]:
        return dict(Counter(v for v in self.values if v is not None))
