"""Which columns count as drifted under a plan, and why, in words with numbers."""

from collections.abc import Collection, Mapping, Sequence

from clinical_assets.drift.plan import Plan
from clinical_assets.drift.pvalues import benjamini_hochberg
from clinical_assets.drift.sentences import Statistic, of_missing
from clinical_assets.drift.thresholds.persistence import Persistence
from clinical_assets.errors import ClinicalError

_TESTS = {
    "shape": ("ks_pvalue", "levels_pvalue", "chi2_pvalue"),
    "missing": ("missing_pvalue",),
    "range": ("range_pvalue",),
    "new": ("new_levels_pvalue",),
    "infinite": ("infinite_pvalue",),
}
_MOSTLY = 0.5
_ROUNDING = 1e-12


def decided(found: Sequence[Mapping[str, Statistic]], plan: Plan) -> list[tuple[str, ...]]:
    """Reasons for each column; none where it has not drifted.

    The p-values of all columns together are adjusted, those of the distributions, of the missing
    values, of the range, of new levels and of infinite values each apart. A statistic that was not
    asked for decides nothing.
    """
    tests = {name: _significant(found, names, plan.rate) for name, names in _TESTS.items()}
    return [
        tuple(_reasons(numbers, plan, {name for name, small in tests.items() if small[i]}))
        for i, numbers in enumerate(found)
    ]


def require_constant(plan: Plan) -> None:
    """Raises :class:`ClinicalError` where a plan's thresholds can only be had for windows."""
    if plan.thresholds.kind == "calibrated":
        raise ClinicalError(
            "The plan's thresholds are calibrated, which is done on windows of the reference, and "
            "there are none",
            where="plan",
            repair="Name the column of times that both tables have (--time), or give constant "
            "thresholds",
        )


def require_no_windows(plan: Plan) -> None:
    """Raises :class:`ClinicalError` where anything of a plan can only be had for windows."""
    require_constant(plan)
    asked = plan.thresholds.persistence
    if asked != Persistence():
        raise ClinicalError(
            f"The plan calls {asked} windows an alarm, and there are no windows",
            where="plan",
            repair="Name the column of times (--time), or leave `persistence` out",
        )


def _reasons(
    numbers: Mapping[str, Statistic], plan: Plan, significant: Collection[str]
) -> list[str]:
    reasons = []
    psi = numbers.get("psi")
    if "shape" in significant and psi is not None and psi >= plan.psi:
        reasons.append(f"its distribution changed (PSI {psi:.3f})")
    before, after = numbers.get("missing_reference"), numbers.get("missing_current")
    both = before is not None and after is not None
    if "missing" in significant and both and _matters(before or 0, after or 0, plan):
        reasons.append(of_missing(before, after))
    new, p = numbers.get("new_levels"), numbers.get("new_levels_pvalue")
    if new is not None and new >= plan.levels and (p is None or "new" in significant):
        reasons.append(f"{new:.1%} of its values are levels that the reference does not have")
    finite, infinite = (numbers.get(f"infinite_{side}") or 0 for side in ("reference", "current"))
    if "infinite" in significant and infinite - finite >= plan.levels:
        reasons.append(f"{infinite:.1%} of its values are infinite, {finite:.1%} in the reference")
    below, above = (numbers.get(f"{side}_range") or 0 for side in ("below", "above"))
    if "range" in significant and below + above - max(0, infinite - finite) >= plan.levels:
        reasons.append(
            f"{below:.1%} of its values lie below all of the reference's, {above:.1%} above"
        )
    return reasons


def _matters(before: float, after: float, plan: Plan) -> bool:
    """Whether the share of missing values changed enough; of what is missing mostly, whether it is
    measured so many times as often, or as seldom, that it matters."""
    if abs(after - before) >= plan.missing:
        return True
    less, more = sorted((1 - before, 1 - after))
    return less < _MOSTLY and more >= plan.measured * less - _ROUNDING


def _significant(
    found: Sequence[Mapping[str, Statistic]], names: Sequence[str], rate: float
) -> list[bool]:
    """Whether the first of the named p-values that a column has is small, over all columns."""
    first = [next((n[k] for k in names if n.get(k) is not None), None) for n in found]
    asked = [i for i, p in enumerate(first) if p is not None]
    adjusted = benjamini_hochberg([float(first[i] or 0.0) for i in asked])
    small = {i for i, p in zip(asked, adjusted, strict=True) if p <= rate}
    return [i in small for i in range(len(found))]
