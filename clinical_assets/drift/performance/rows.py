"""The rows that a performance is computed over: probabilities, scores, labels; checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinical_assets.errors import ClinicalError

Vector = NDArray[np.float64]
Labels = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rows:
    """Predictions without their labels.

    Attributes:
        probability: calibrated probability of the event, shape (n,).
        score: what is ranked and held against the threshold, shape (n,).
        called: whether the score is at or above the threshold, shape (n,).
    """

    probability: Vector
    score: Vector
    called: Labels


def rows(probability: ArrayLike, threshold: float, score: ArrayLike | None = None) -> Rows:
    """Checked rows; without scores of their own the probabilities are the scores.

    Raises:
        ClinicalError: there are none, a value is missing or no probability, or the threshold is
            not :func:`callable_at`.
    """
    p = probabilities(probability)
    callable_at(threshold, own_scores=score is not None)
    s = p if score is None else np.asarray(score, dtype=np.float64)
    if s.shape != p.shape or not np.isfinite(s).all():
        raise _refused("The scores are not one finite number for each probability")
    return Rows(p, s, s >= threshold)


def callable_at(threshold: float, *, own_scores: bool = False) -> None:
    """Refuses a threshold that no row can sensibly be held against.

    Args:
        own_scores: whether scores that are no probabilities are held against it; any finite
            number serves then.

    Raises:
        ClinicalError: it is no finite number, or for probabilities not one from 0 to 1.

    >>> callable_at(0.5)
    >>> callable_at(-1.2, own_scores=True)
    """
    number = isinstance(threshold, (int, float, np.number)) and not isinstance(threshold, bool)
    if number and np.isfinite(threshold) and (own_scores or 0 <= threshold <= 1):
        return
    wanted = "a finite number" if own_scores else "a number from 0 to 1"
    raise ClinicalError(
        f"A threshold of {threshold!r} cannot be held against these scores",
        where="performance",
        repair=f"Give {wanted}, at or above which a row is called",
    )


def probabilities(values: ArrayLike) -> Vector:
    """Probabilities, shape (n,).

    Raises:
        ClinicalError: there are none, or a value is missing or no probability.
    """
    try:
        p = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise _refused("The probabilities are no numbers") from None
    if p.ndim != 1 or not len(p):
        raise _refused("There are no predictions")
    if bad := int((~((p >= 0) & (p <= 1))).sum()):
        raise _refused(f"{bad} of {len(p)} probabilities are missing or not between 0 and 1")
    return p


def labels(values: ArrayLike, length: int) -> Labels:
    """Labels of 0 and 1 or of booleans, shape (n,).

    Raises:
        ClinicalError: they are not as many as there are predictions, or are something else.
    """
    y = np.asarray(values)
    if y.shape != (length,):
        raise _refused("The labels are not as many as the predictions")
    if y.dtype.kind not in "biuf" or not np.isin(y, (0, 1)).all():
        raise _refused("A label is neither 0 nor 1")
    return np.asarray(y, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its band or interval; None with a reason where there is none.

    Attributes:
        value, lower, upper: the number, and where it lies with the confidence asked for.
        reason: why a part is None; empty where nothing is.
    """

    value: float | None
    lower: float | None = None
    upper: float | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        found = {"value": self.value, "lower": self.lower, "upper": self.upper}
        return {**found, "reason": self.reason} if self.reason else found

    def __str__(self) -> str:
        """The number as a person reads it."""
        if self.value is None:
            return f"none ({self.reason})"
        if self.lower is None or self.upper is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} ({self.lower:.3f} to {self.upper:.3f})"


def fixed(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same mapping, which no one changes."""
    return MappingProxyType(dict(values))


def _refused(what: str) -> ClinicalError:
    return ClinicalError(
        what,
        where="performance",
        repair="Give a probability between 0 and 1 for each row, and leave out rows without one",
    )
