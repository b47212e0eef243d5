"""Which columns count as drifted under a plan, and why, in words with numbers."""

from collections.abc import Mapping, Sequence

from clinical_assets.drift.plan import Plan
from clinical_assets.drift.pvalues import benjamini_hochberg
from clinical_assets.drift.sentences import Statistic, of_missing
from clinical_assets.errors import ClinicalError

_TESTS = {"shape": ("ks_pvalue", "chi2_pvalue"), "missing": ("missing_pvalue",)}


def decided(found: Sequence[Mapping[str, Statistic]], plan: Plan) -> list[tuple[str, ...]]:
    """Reasons for each column; none where it has not drifted.

    The p-values of all columns together are adjusted, those of the distributions and those of the
    missing values apart. A statistic that was not asked for decides nothing.
    """
    shape = _significant(found, _TESTS["shape"], plan.rate)
    missing = _significant(found, _TESTS["missing"], plan.rate)
    return [tuple(_reasons(numbers, plan, shape[i], missing[i])) for i, numbers in enumerate(found)]


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


def _reasons(numbers: Mapping[str, Statistic], plan: Plan, shape: bool, missing: bool) -> list[str]:
    reasons = []
    psi = numbers.get("psi")
    if shape and psi is not None and psi >= plan.psi:
        reasons.append(f"its distribution changed (PSI {psi:.3f})")
    before, after = numbers.get("missing_reference"), numbers.get("missing_current")
    both = before is not None and after is not None
    if missing and both and abs((after or 0) - (before or 0)) >= plan.missing:
        reasons.append(of_missing(before, after))
    new = numbers.get("new_levels")
    if new is not None and new >= plan.levels:
        reasons.append(f"{new:.1%} of its values are levels that the reference does not have")
    finite, infinite = numbers.get("infinite_reference"), numbers.get("infinite_current")
    if finite is not None and infinite is not None and infinite - finite >= plan.levels:
        reasons.append(f"{infinite:.1%} of its values are infinite, {finite:.1%} in the reference")
    return reasons


def _significant(
    found: Sequence[Mapping[str, Statistic]], names: Sequence[str], rate: float
) -> list[bool]:
    """Whether the first of the named p-values that a column has is small, over all columns."""
    first = [next((n[k] for k in names if n.get(k) is not None), None) for n in found]
    asked = [i for i, p in enumerate(first) if p is not None]
    adjusted = benjamini_hochberg([float(first[i] or 0.0) for i in asked])
    small = {i for i, p in zip(asked, adjusted, strict=True) if p <= rate}
    return [i in small for i in range(len(found))]
