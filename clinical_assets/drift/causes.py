"""Likely causes for those columns of a comparison that drifted, from profiles of them alone.

What belongs here: which columns are asked about, what of them may be named, how much is read. What
does not: what the causes are (:mod:`clinical_assets.drift.diagnosis`), and whether a column has
drifted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from clinical_assets.drift.diagnosis import (
    Background,
    Cause,
    diagnose_levels,
    diagnose_numbers,
    stuck,
)
from clinical_assets.drift.diagnosis.fits import KINDS as FITTED
from clinical_assets.drift.kinds import Kind
from clinical_assets.drift.mixing import Mix
from clinical_assets.drift.naming import identifying
from clinical_assets.drift.profiles.bare import BareSummary
from clinical_assets.drift.profiles.category import CategorySummary
from clinical_assets.drift.profiles.numeric import NumericSummary
from clinical_assets.drift.profiles.profiling import profile
from clinical_assets.drift.profiles.reading import Summary
from clinical_assets.drift.result import ColumnDrift
from clinical_assets.drift.sentences import only_missing
from clinical_assets.small_cells import is_small

MOST_ROWS = 1 << 20
MOST_COLUMNS = 100
SAID = 3
_LEAST = 0.2
_FEWEST = 30  # values of a year before
_FEW = 1000  # values a side; with so many a distance of 0.1 is seen
_CODES = 10
_TIED = 0.03
_OF_MISSING = ("missing", "measured_less", "measured_more")
_SORTS: frozenset[Kind] = frozenset({"numeric", "category", "boolean"})


@dataclass(frozen=True, slots=True)
class _Levels:
    """Levels with their counts, without a name where they must not have one."""

    rows: int
    missing: int
    levels: Mapping[str, int]
    new_levels: Mapping[str, int]
    other: int


def with_causes(
    columns: Sequence[ColumnDrift],
    reference: pl.LazyFrame,
    current: pl.LazyFrame,
    mix: Mix | None = None,
    *,
    year_before: pl.LazyFrame | None = None,
    threads: int = 0,
) -> tuple[ColumnDrift, ...]:
    """The columns, with likely causes for those that drifted.

    At most the 100 of the largest change are asked about, and of each at most about a million
    evenly spaced rows a side, so that the cost does not grow with the tables.

    Args:
        mix: how rows fall into sites and kinds of patients, where that is known.
        year_before: those rows of the reference that are of the current days a year before, where
            there are any.
    """
    drifted = [c for c in columns if c.drifted and c.kind in _SORTS]
    asked = [c.name for c in sorted(drifted, key=_least_psi)[:MOST_COLUMNS]]
    if not asked:
        return tuple(columns)
    ours, theirs = (thinned(side) for side in (reference, current))
    known = profile(ours, columns=asked, threads=threads)
    new = profile(theirs, known, columns=asked, threads=threads)
    pairs = {name: (known[name], new[name]) for name in asked}
    backgrounds = {name: mix.background(name, known) for name in asked} if mix else {}
    if year_before is not None:
        past = profile(thinned(year_before), known, columns=asked, threads=threads)
        backgrounds = {n: after_a_year(backgrounds.get(n), past[n]) for n in asked}
    return causes_of_pairs(columns, pairs, backgrounds)


def after_a_year(background: Background | None, year_before: Summary) -> Background:
    """The background with a column's values of a year before, where these are enough."""
    known = background or Background()
    if isinstance(year_before, NumericSummary) and year_before.present >= _FEWEST:
        return replace(known, year_before=year_before)
    return known


def causes_of_pairs(
    columns: Sequence[ColumnDrift],
    pairs: Mapping[str, tuple[Summary, Summary]],
    backgrounds: Mapping[str, Background] | None = None,
) -> tuple[ColumnDrift, ...]:
    """The same where the drifted columns' summaries are there already, by name."""
    known = backgrounds or {}
    return tuple(
        _with(
            column,
            _pertinent(column, *pairs[column.name], known.get(column.name))
            or _untold(*pairs[column.name]),
        )
        if column.drifted and column.kind in _SORTS and column.name in pairs
        else column
        for column in columns
    )


def _pertinent(
    column: ColumnDrift, before: Summary, after: Summary, background: Background | None
) -> tuple[Cause, ...]:
    """Of a column in which only more or fewer values are missing, what concerns that."""
    found = causes_of(column.name, before, after, background)
    about = [c for c in found if c.kind in _OF_MISSING or stuck.FILLED in c.evidence]
    return tuple(about) if only_missing(column.reasons) and about else found


def _untold(before: Summary, after: Summary) -> tuple[Cause, ...]:
    """That there is too little to tell a cause from chance, of a column of numbers; where a side
    has no number at all, the reason says what there is to say."""
    if not (isinstance(before, NumericSummary) and isinstance(after, NumericSummary)):
        return ()
    values = [side.rows - side.missing for side in (before, after)]
    why = (
        "There are too few values to tell a cause"
        if min(values) < _FEW
        else "The change is too small to tell a cause"
    )
    evidence = {"values_reference": float(values[0]), "values_current": float(values[1])}
    return (Cause("unexplained", why, 0.0, evidence),)


def causes_of(
    name: str, before: Summary, after: Summary, background: Background | None = None
) -> tuple[Cause, ...]:
    """Likely causes of one column's change, those worth saying, the likeliest first.

    A column of numbers with few distinct ones, such as 0 and 1, is taken for levels, unless other
    ones came in their place and are a conversion of them.
    """
    ours, theirs = _as_levels(before), _as_levels(after)
    found: tuple[Cause, ...] = ()
    if (
        isinstance(before, NumericSummary)
        and isinstance(after, NumericSummary)
        and (ours is None or theirs is None or _replaced(ours, theirs))
    ):
        found = diagnose_numbers(name, before, after, background)
    converted = any(cause.kind == "unit" for cause in found[:1])
    if ours is not None and theirs is not None and not converted:
        found = diagnose_levels(*_nameable(name, ours, theirs))
    return _worth_saying(found)


def _replaced(before: _Levels, after: _Levels) -> bool:
    """Whether most values are ones that the reference does not have."""
    new = sum(count for level, count in after.levels.items() if level not in before.levels)
    return 2 * new > sum(after.levels.values())


def _worth_saying(causes: Sequence[Cause]) -> tuple[Cause, ...]:
    """The first ones; fitted numbers only as far as they explain about as much as the best of them,
    and not where a known conversion says the same."""
    fitted = [cause.weight for cause in causes if cause.kind in FITTED]
    least = max(fitted, default=0.0) - _TIED
    unit = bool(causes) and causes[0].kind == "unit"
    said = [
        cause
        for place, cause in enumerate(causes)
        if place == 0
        or (cause.weight >= _LEAST and cause.kind not in FITTED)
        or (cause.weight >= max(_LEAST, least) and not unit)
    ]
    return tuple(said[:SAID])


def _with(column: ColumnDrift, causes: Sequence[Cause]) -> ColumnDrift:
    sentences = tuple(f"{cause.sentence}." for cause in causes)
    return replace(column, causes=sentences, evidence=tuple(cause.to_dict() for cause in causes))


def _least_psi(column: ColumnDrift) -> float:
    return -float(column.statistics.get("psi") or 0.0)


def thinned(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Evenly spaced rows of a long table, about a million."""
    rows = int(frame.select(pl.len()).collect().item())
    return frame.gather_every(-(-rows // MOST_ROWS)) if rows > MOST_ROWS else frame


def _as_levels(summary: Summary) -> _Levels | None:
    if isinstance(summary, BareSummary):
        return None
    if isinstance(summary, CategorySummary):
        return _Levels(
            summary.rows, summary.missing, summary.levels, summary.new_levels, summary.other
        )
    distinct = summary.distinct
    if distinct is None or len(distinct.values) > _CODES:
        return None
    counts = zip(distinct.values.tolist(), distinct.counts.tolist(), strict=True)
    levels = {f"{value:.15g}": int(count) for value, count in counts}
    return _Levels(summary.rows, summary.missing, levels, {}, 0)


def _nameable(name: str, before: _Levels, after: _Levels) -> tuple[_Levels, _Levels]:
    """Both sides without the names of levels that few rows have, or that may be patients' (see
    :mod:`.naming`)."""
    p, q = ({**side.levels, **side.new_levels} for side in (before, after))
    names = sorted({*p, *q})
    table = pl.DataFrame(
        {
            "level": pl.Series(names, dtype=pl.String),
            "p": pl.Series([p.get(level, 0) for level in names], dtype=pl.Int64),
            "q": pl.Series([q.get(level, 0) for level in names], dtype=pl.Int64),
        }
    )
    hidden = identifying(name, table)
    shown = {
        level
        for level in names
        if not hidden and not is_small(p.get(level, 0)) and not is_small(q.get(level, 0))
    }
    return _only(before, p, shown), _only(after, q, shown)


def _only(side: _Levels, counts: Mapping[str, int], shown: set[str]) -> _Levels:
    kept = {level: count for level, count in counts.items() if level in shown}
    other = side.rows - side.missing - sum(kept.values())
    return _Levels(side.rows, side.missing, kept, {}, other)
