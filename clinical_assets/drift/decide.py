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

    All p-values that decide are adjusted together, over the columns and over what is asked of each:
    its distribution, missing values, range, new levels and infinite values. A statistic that was
    not asked for decides nothing.
    """
    small = _significant(found, plan.rate)
    return [
        tuple(_reasons(numbers, plan, tests)) for numbers, tests in zip(found, small, strict=True)
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


def require_no_unit(plan: Plan, time: str) -> None:
    """Raises :class:`ClinicalError` where a plan names a unit, which windows do not have."""
    if plan.unit:
        raise ClinicalError(
            "Windows of time are not compared by what belongs together: the rows of one"
            f" {plan.unit!r} may lie in several",
            where=f"--unit {plan.unit}, --time {time}",
            repair="Leave --unit out; or leave --time out and give the rows of one window as the"
            " current data",
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


def _significant(found: Sequence[Mapping[str, Statistic]], rate: float) -> list[set[str]]:
    """Of each column the tests whose p-value is small."""
    asked = [
        (i, test, p)
        for i, numbers in enumerate(found)
        for test in _TESTS
        if (p := _p(numbers, test)) is not None
    ]
    small: list[set[str]] = [set() for _ in found]
    for (i, test, _), p in zip(asked, benjamini_hochberg([p for *_, p in asked]), strict=True):
        if p <= rate:
            small[i].add(test)
    return small


def _p(numbers: Mapping[str, Statistic], test: str) -> float | None:
    """The first p-value of the test that there is; none of a share that nowhere varies, which no
    chance could change, so that it takes nothing from the others."""
    shares = [numbers.get(f"{test}_{side}") for side in ("reference", "current")]
    if shares in ([0.0, 0.0], [1.0, 1.0]):
        return None
    p = next((numbers[name] for name in _TESTS[test] if numbers.get(name) is not None), None)
    return None if p is None else float(p)
