"""Two profiles held against each other, with the same decisions as two tables."""

from collections.abc import Collection

import numpy as np
import polars as pl

from clinical_assets.drift.decide import decided, require_constant
from clinical_assets.drift.kinds import Kind
from clinical_assets.drift.measure import (
    STATISTICS,
    counted,
    in_order,
    infinities_moved,
    levels_counted,
    levels_moved,
)
from clinical_assets.drift.plan import Plan
from clinical_assets.drift.profiles.bare import BareSummary
from clinical_assets.drift.profiles.category import CategorySummary
from clinical_assets.drift.profiles.functions import Functions, beyond
from clinical_assets.drift.profiles.numeric import NumericSummary
from clinical_assets.drift.profiles.profile import Profile
from clinical_assets.drift.profiles.profiling import profile
from clinical_assets.drift.profiles.reading import Summary
from clinical_assets.drift.profiles.regridding import approximate_counts, on_grid
from clinical_assets.drift.proportions import two_proportions_p
from clinical_assets.drift.pvalues import beyond_p
from clinical_assets.drift.result import ColumnDrift, Comparison
from clinical_assets.drift.sentences import Statistic
from clinical_assets.drift.smirnov import smirnov_p
from clinical_assets.errors import ClinicalError

_AREAS = ("wasserstein", "wasserstein_scaled", "energy")
BOUNDS = tuple(f"{name}_error" for name in ("ks", *_AREAS, "below_range", "above_range"))
_UNNAMED = "its values tell rows or patients apart, so that a profile does not hold them"

_Found = dict[str, Statistic]
Side = Profile | pl.DataFrame | pl.LazyFrame


def compare_profiles(
    reference: Side,
    current: Side,
    plan: Plan | None = None,
    *,
    statistics: Collection[str] = STATISTICS,
) -> Comparison:
    """Holds two profiles, or one and a table, against each other.

    What depends on bins or levels is exact: PSI, Jensen–Shannon, Hellinger, total variation, chi²
    and G over the plan's bins where their number divides 1,000, and shares of missing values.
    ``ks`` is the largest difference where both functions are known, the true one is at most
    ``ks_error`` larger; ``wasserstein``, ``wasserstein_scaled`` and ``energy`` lie within their
    ``…_error``. Where each side has at most 1,024 distinct values all of them are exact, and so is
    ``cramer_von_mises``, which is None of other columns: ranks within a cell are not known, and
    no bound on them would be of use. ``below_range`` and ``above_range`` are exact where the
    reference is the one that gave the grid, else that much is certain and ``…_error`` more
    possible. Shares of new and vanished levels are exact where every level is known by name; else
    levels beyond the grid's count as one, and only what that one gained is new.

    Profiles on different grids are compared too: what is binned is then exact for columns of at
    most 1,024 distinct values and for known levels, and else off by what lies between two of the
    current profile's own edges, a thousandth of its rows.

    Args:
        reference, current: at least one is a profile; a table is profiled on its grid.
        plan: as for :func:`~clinical_assets.drift.compare.compare`.
        statistics: names of :data:`~clinical_assets.drift.measure.STATISTICS`.

    Raises:
        ClinicalError: one is empty, they share no column, or the plan names a column that there
            is not, or a unit.
    """
    from clinical_assets.drift.causes import causes_of_pairs  # which makes profiles itself

    plan = plan or Plan()
    require_constant(plan)
    if plan.unit:
        raise ClinicalError(
            f"A profile holds no rows, so that nothing tells which belong to one {plan.unit!r}",
            where="the plan's unit, --unit",
            repair="Give both tables in the place of profiles, or leave the unit out",
        )
    ours, theirs = _profiles(reference, current)
    for side, which in ((ours, "reference"), (theirs, "current data")):
        if not side.rows:
            raise ClinicalError(
                f"The {which} has no rows, so nothing can be said about it",
                repair="Give a table with at least one row",
            )
    names = _names(ours, theirs, plan)
    pairs = [(ours.summaries.get(name), theirs.summaries.get(name)) for name in names]
    if ours.grid != theirs.grid:
        grids = [ours.grid.columns.get(name) for name in names]
        pairs = [(a, on_grid(b, grid)) for (a, b), grid in zip(pairs, grids, strict=True)]
    obstacles = [_obstacle(*pair) for pair in pairs]
    found = [
        {} if why and why != _UNNAMED else _measured(*pair, plan, statistics)
        for pair, why in zip(pairs, obstacles, strict=True)
    ]
    reasons = decided(found, plan)
    kinds = [_kind(*pair) for pair in pairs]
    columns = [
        ColumnDrift(*column) for column in zip(names, kinds, found, reasons, obstacles, strict=True)
    ]
    known = {n: (a, b) for n, (a, b) in zip(names, pairs, strict=True) if a and b}
    return Comparison(causes_of_pairs(columns, known), ours.rows, theirs.rows)


def _profiles(reference: Side, current: Side) -> tuple[Profile, Profile]:
    if isinstance(reference, Profile) and isinstance(current, Profile):
        return reference, current
    if isinstance(reference, Profile):
        return reference, profile(current, reference)  # type: ignore[arg-type]
    if isinstance(current, Profile):
        return profile(reference, current), current
    raise TypeError("neither side is a profile")


def _names(ours: Profile, theirs: Profile, plan: Plan) -> list[str]:
    names = list(dict.fromkeys([*ours.columns, *theirs.columns]))
    if unknown := [name for name in plan.columns if name not in names]:
        raise ClinicalError(
            f"Neither table has a column named {', '.join(map(repr, unknown))}",
            repair=f"Choose among {', '.join(names)}",
        )
    if not any(_there(ours.summaries.get(n)) and _there(theirs.summaries.get(n)) for n in names):
        raise ClinicalError(
            "The tables have no column in common",
            repair="Give a table and a profile of the same columns; a CSV file needs a header",
        )
    return list(plan.columns) or names


def _there(summary: Summary | None) -> bool:
    absent = ("not in the table", "not in the reference")
    return summary is not None and getattr(summary, "obstacle", "") not in absent


def _obstacle(before: Summary | None, after: Summary | None) -> str:
    if before is None:
        return "not in the reference"
    if after is None:
        return "not in the current data"
    for summary, other in ((after, "current data"), (before, "reference")):
        if isinstance(summary, BareSummary) and summary.obstacle:
            return summary.obstacle.replace("in the table", f"in the {other}")
    unnamed = isinstance(before, CategorySummary) and not before.grid.named
    return _UNNAMED if unnamed else ""


def _kind(before: Summary | None, after: Summary | None) -> Kind:
    found = before or after
    return found.kind if found else "other"


def _measured(
    before: Summary | None, after: Summary | None, plan: Plan, wanted: Collection[str]
) -> dict[str, Statistic]:
    found: _Found = dict.fromkeys(STATISTICS)
    assert before is not None
    assert after is not None
    _missing(before, after, found)
    if isinstance(before, NumericSummary) and isinstance(after, NumericSummary):
        found |= dict.fromkeys(BOUNDS)
        if before.present and after.present:
            _numeric(before, after, plan.bins, set(wanted), found)
    elif (
        isinstance(before, CategorySummary)
        and isinstance(after, CategorySummary)
        and before.present
        and after.present
    ):
        _levels(before, after, set(wanted), found)
    bounds = {f"{name}_error" for name in wanted}
    return {name: value for name, value in found.items() if name in wanted or name in bounds}


def _missing(before: Summary, after: Summary, found: _Found) -> None:
    found["missing_reference"], found["missing_current"] = before.missing_share, after.missing_share
    if before.missing is not None and after.missing is not None and before.rows and after.rows:
        found["missing_pvalue"] = two_proportions_p(
            before.missing, before.rows, after.missing, after.rows
        )


def _numeric(
    before: NumericSummary, after: NumericSummary, bins: int, wanted: set[str], found: _Found
) -> None:
    functions = Functions(before, after)
    distance = functions.kolmogorov_smirnov()
    found["ks"], found["ks_error"] = distance
    found["ks_pvalue"] = smirnov_p(distance.value, before.present, after.present)
    if functions.merged is not None:
        in_order(functions.merged, wanted, found)
        found |= {f"{name}_error": 0.0 for name in _AREAS if found[name] is not None}
    else:
        _areas(functions, before, found)
    low, high = before.minimum, before.maximum
    if low is not None and high is not None:
        below, above = beyond(after, low, high)
        found["below_range"], found["below_range_error"] = below
        found["above_range"], found["above_range_error"] = above
        n, m = before.present, after.present
        found["range_pvalue"] = beyond_p(round(below.value * m), round(above.value * m), n, m)
    infinities_moved(before.infinite, before.present, after.infinite, after.present, found)
    parts = _seen(before.grid.parts(bins), before)
    counted(_coarser(before, parts), _coarser(after, parts), wanted, found)


def _areas(functions: Functions, before: NumericSummary, found: _Found) -> None:
    """What lies between the functions, within bounds."""
    if energy := functions.energy():
        found["energy"], found["energy_error"] = energy
    if area := functions.wasserstein():
        found["wasserstein"], found["wasserstein_error"] = area
        deviation = before.spread
        if deviation:
            found["wasserstein_scaled"] = area.value / deviation
            found["wasserstein_scaled_error"] = area.error / deviation


def _seen(parts: np.ndarray, before: NumericSummary) -> np.ndarray:
    """Edges, of which the lowest is one that the profiles know, if one value is nearly all there
    is: see :func:`~clinical_assets.drift.bins.bin_edges`."""
    if before.distinct is not None or np.isin(parts[:1], before.edges).all():
        return parts
    places, _ = before.known()
    lower = places[places < parts[0]]
    return np.append(lower[-1:], parts[1:])


def _coarser(summary: NumericSummary, parts: np.ndarray) -> np.ndarray:
    """Counts in right-closed bins; exact where these are some of the grid's edges."""
    if not np.isin(parts, summary.edges).all():
        return approximate_counts(summary, parts)
    upto = np.cumsum(summary.counts)[np.searchsorted(summary.edges, parts)]
    return np.diff(upto, prepend=0, append=summary.present)


def _levels(
    before: CategorySummary, after: CategorySummary, wanted: set[str], found: _Found
) -> None:
    """Other levels are counted apart where both sides know all of them, else as one level."""
    if not before.grid.named:
        return
    if before.others.complete and after.others.complete:
        every = sorted({*before.grid.levels, *before.new_levels, *after.new_levels})
        p, q = (_every_level(side, every) for side in (before, after))
        levels_moved(p, q, wanted, found)
    else:
        order = np.argsort(np.array(before.grid.levels, dtype=object))
        p, q = (np.append(side.counts[order], side.other) for side in (before, after))
        for name, one, two in (("new_levels", p, q), ("vanished_levels", q, p)):
            n, m = int(one.sum()), int(two.sum())
            unseen = int(two[:-1][one[:-1] == 0].sum())
            found[name] = max(0.0, two[-1] / m - one[-1] / n) + unseen / m
            if name == "new_levels":
                found["new_levels_pvalue"] = two_proportions_p(
                    int(one[-1]), n, int(two[-1]) + unseen, m
                )
    levels_counted(p, q, wanted, found)


def _every_level(side: CategorySummary, names: list[str]) -> np.ndarray:
    counts = {**side.levels, **side.new_levels}
    return np.array([counts.get(name, 0) for name in names], dtype=np.int64)
