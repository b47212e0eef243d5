"""How far two tables or two JSON records lie apart, number by number.

Differences only; which difference is tolerable is ``reproduction.py``'s. Two absent values are
equal; an absent value against a number has no difference and is never within a tolerance.
"""

import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from clinical_assets.canonical import frame_digest

_DERIVED = ("_sha256", "_digest")  # digests of bytes that have rows of their own


@dataclass(frozen=True, slots=True)
class FrameComparison:
    """Two Parquet tables compared.

    Attributes:
        expected, got: frame digests; None where a table is missing or unreadable.
        identical: the digests are equal.
        difference: largest absolute difference over the float columns where everything else
            (columns, rows, integers, strings, nulls) is equal; None where it is not.
        note: what differs where there is no difference to take.
    """

    expected: str | None
    got: str | None
    identical: bool
    difference: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class JsonPart:
    """One part of a JSON record compared, e.g. one metric with its interval.

    Attributes:
        name: path of the part.
        expected, got: its leading number as text, or the count of numbers in it.
        identical: every leaf is equal.
        comparable: every leaf that is no number is equal, and numbers stand in the same places.
        difference: largest absolute difference of its numbers (0.0 where there is none).
    """

    name: str
    expected: str
    got: str
    identical: bool
    comparable: bool
    difference: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class JsonComparison:
    """Two JSON records compared part by part; ``problem`` where one of them cannot be read."""

    parts: tuple[JsonPart, ...]
    problem: str = ""


def compare_frames(expected: bytes | None, got: bytes | None) -> FrameComparison:
    """Compare two Parquet files by content; a missing or unreadable one is a difference."""
    before, now = _frame(expected), _frame(got)
    if before is None or now is None:
        which = "the package's" if before is None else "the rebuilt"
        return FrameComparison(
            None if before is None else frame_digest(before),
            None if now is None else frame_digest(now),
            False,
            None,
            f"{which} table is missing or cannot be read",
        )
    digests = frame_digest(before), frame_digest(now)
    if digests[0] == digests[1]:
        return FrameComparison(*digests, True, 0.0)
    difference, note = frame_difference(before, now)
    return FrameComparison(*digests, False, difference, note)


def frame_difference(before: pl.DataFrame, now: pl.DataFrame) -> tuple[float | None, str]:
    """Largest absolute difference of the float columns, and why there is none to take."""
    if before.columns != now.columns or before.height != now.height:
        return None, f"shape {before.shape} against {now.shape}, or other columns"
    largest = 0.0
    for a, b in zip(before.iter_columns(), now.iter_columns(), strict=True):
        if not (a.dtype.is_float() and b.dtype.is_float()):
            if frame_digest(a.to_frame()) != frame_digest(b.to_frame()):
                return None, f"column {a.name!r} differs"
            continue
        a, b = a.cast(pl.Float64), b.cast(pl.Float64)
        if not (a.is_null() == b.is_null()).all():
            return None, f"column {a.name!r} has missing values in other rows"
        unequal = a.is_not_null() & a.ne_missing(b)
        gap = (a - b).filter(unequal).abs()
        if not gap.is_finite().all():
            return None, f"column {a.name!r} holds NaN or infinity in other rows"
        largest = max(largest, float(gap.max() or 0.0))  # type: ignore[arg-type]
    return largest, ""


def compare_json(expected: bytes | None, got: bytes | None, *, exact: bool) -> JsonComparison:
    """Compare two JSON objects: one part for each metric, and one for each other field.

    Args:
        exact: compare digests inside the record too; otherwise fields named ``…_sha256`` and
            ``…_digest`` are left out, since they follow from bytes that are compared elsewhere.
    """
    before, now = _object(expected), _object(got)
    if before is None or now is None:
        which = "of the package" if before is None else "of the rebuild"
        return JsonComparison((), f"the record {which} is missing or not a JSON object")
    parts = []
    for name, (a, b) in _paired(before, now).items():
        if not exact and name.endswith(_DERIVED):
            continue
        parts.append(_part(name, a, b, exact))
    return JsonComparison(tuple(parts))


def _paired(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Top-level fields side by side, the metrics taken apart."""
    pairs: dict[str, tuple[Any, Any]] = {}
    for name in sorted(set(before) | set(now), key=lambda n: (n != "metrics", n)):
        a, b = before.get(name, _ABSENT), now.get(name, _ABSENT)
        if name == "metrics" and isinstance(a, dict) and isinstance(b, dict):
            for metric in sorted(set(a) | set(b)):
                pairs[metric] = a.get(metric, _ABSENT), b.get(metric, _ABSENT)
        else:
            pairs[name] = a, b
    return pairs


def _part(name: str, before: Any, now: Any, exact: bool) -> JsonPart:
    a, b = dict(_leaves(before, "", exact)), dict(_leaves(now, "", exact))
    difference, odd = 0.0, ""
    for path in sorted(set(a) | set(b)):
        x, y = a.get(path, _ABSENT), b.get(path, _ABSENT)
        if _number(x) and _number(y) and math.isfinite(x) and math.isfinite(y):
            difference = max(difference, abs(x - y))
        elif not (type(x) is type(y) and x == y):
            odd = odd or path.lstrip(".") or name
    identical = not odd and all(a[path] == b[path] for path in a)
    return JsonPart(
        name=name,
        expected=_headline(before, a),
        got=_headline(now, b),
        identical=identical,
        comparable=not odd,
        difference=difference,
        note=f"{odd} differs" if odd else "",
    )


class _Absent:
    """Stands for a field that is not there; equal to itself only."""


_ABSENT = _Absent()


def _leaves(value: Any, path: str, exact: bool) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key in value:
            if exact or not key.endswith(_DERIVED):
                yield from _leaves(value[key], f"{path}.{key}", exact)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]", exact)
    else:
        # An empty list and an empty object are leaves too, told apart by their type.
        yield path, value


def _headline(value: Any, leaves: Mapping[str, Any]) -> str:
    if value is _ABSENT:
        return "missing"
    if isinstance(value, dict) and "value" in value:
        value = value["value"]
    if not isinstance(value, dict | list):
        return "none" if value is None else str(value)
    return f"{sum(_number(leaf) for leaf in leaves.values())} numbers"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _frame(data: bytes | None) -> pl.DataFrame | None:
    if data is None:
        return None
    try:
        frame = pl.read_parquet(io.BytesIO(data))
        frame_digest(frame)
    except (pl.exceptions.PolarsError, OSError, TypeError):
        return None
    return frame


def _object(data: bytes | None) -> dict[str, Any] | None:
    try:
        plain = json.loads(data or b"")
    except (ValueError, RecursionError):
        return None
    return plain if isinstance(plain, dict) else None
