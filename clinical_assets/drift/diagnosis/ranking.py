"""All claims about one column, weighed against the whole change and put in order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from clinical_assets.drift.diagnosis import (
    categories,
    clipping,
    fits,
    infinities,
    missingness,
    mixes,
    outside,
    precision,
    season,
    stuck,
    units,
)
from clinical_assets.drift.diagnosis.cause import Aspect, Cause, Claim
from clinical_assets.drift.diagnosis.change import change_of, missing_change
from clinical_assets.drift.diagnosis.summaries import CategorySummary, NumericSummary
from clinical_assets.drift.sentences import apart

_LEAST = 0.05
_HALF = 0.5
_KNOWN = ("site_mix", "case_mix", "seasonal")


@dataclass(frozen=True, slots=True)
class Background:
    """What else is known, each where there is it.

    Attributes:
        sites: the column by site.
        groups: the column by each grouping column (ward, age group, …).
        context: other columns before and after, which describe the patients.
        year_before: the column in the same days a year before (:func:`.season.a_year_before`).
    """

    sites: mixes.Parts | None = None
    groups: Mapping[str, mixes.Parts] = field(default_factory=dict)
    context: Mapping[str, tuple[NumericSummary, NumericSummary]] = field(default_factory=dict)
    year_before: NumericSummary | None = None


def diagnose_numbers(
    name: str,
    reference: NumericSummary,
    current: NumericSummary,
    background: Background | None = None,
) -> tuple[Cause, ...]:
    """Likely causes of a numeric column's change, the likeliest first.

    Returns:
        None at all where nothing changed beyond chance; a single ``unexplained`` where something
        did and no cause explains half of it.
    """
    known = background or Background()
    absent = missingness.claims(reference, current) + infinities.claims(reference, current)
    change = change_of(name, reference, current)
    sizes: dict[Aspect, float] = {
        "shape": 0.0,
        "missing": abs(missing_change(reference, current)),
        "infinite": abs(infinities.infinite_change(reference, current)),
        "precision": 0.0,
    }
    if change is None:
        return ranked(absent, sizes)
    converted = units.best(
        [*units.claims(change), *_converted_in_season(name, known.year_before, current)]
    )
    claims = [
        *converted,
        *stuck.claims(change),
        *outside.claims(change),
        *clipping.claims(change),
        *precision.claims(change),
        *fits.claims(change, converted=bool(converted)),
        *mixes.site_claims(change, known.sites),
        *mixes.case_claims(change, known.groups),
        *mixes.context_claims(change, known.context),
        *season.claims(change, known.year_before),
        *absent,
    ]
    was, now = apart(float(np.median(change.before)), float(np.median(change.after)), 4)
    return ranked(claims, sizes | change.aspects, f" (median {now}, was {was})")


def _converted_in_season(
    name: str, year_before: NumericSummary | None, current: NumericSummary
) -> list[Claim]:
    """A conversion that the season hides where the reference has all of the year."""
    change = None if year_before is None else change_of(name, year_before, current)
    return units.claims(change) if change is not None else []


def diagnose_levels(reference: CategorySummary, current: CategorySummary) -> tuple[Cause, ...]:
    """Likely causes of a categorical column's change; see :func:`diagnose_numbers`."""
    gap, claims = categories.claims(reference, current)
    sizes = categories.size(gap, reference, current)
    return ranked([*claims, *missingness.claims(reference, current)], sizes)


def ranked(
    claims: Iterable[Claim], sizes: Mapping[Aspect, float], change: str = ""
) -> tuple[Cause, ...]:
    """Claims as causes: what share of the whole change each explains, times its trust.

    Where another mix of sites or patients, or a season, explains most, it comes before fitted
    numbers: those explain a difference between patients as well as one of the measurement.

    Args:
        change: in words, where nothing explains it.
    """
    total = sum(sizes.values())
    if not total:
        return ()
    causes, claims = [], list(claims)
    for claim in claims:
        gone = sum(share * sizes[aspect] for aspect, share in claim.explains.items())
        weight = claim.trust * gone / total
        if weight >= _LEAST:
            causes.append(Cause(claim.kind, claim.sentence, weight, claim.evidence))
    known = any(c.kind in _KNOWN and c.explains["shape"] >= mixes.MOST for c in claims)
    causes.sort(key=lambda cause: (known and cause.kind in fits.KINDS, -cause.weight))
    if sum(cause.weight for cause in causes[:2]) < _HALF:
        causes.insert(0, _unexplained(sizes, causes, change))
    return tuple(causes)


def _unexplained(sizes: Mapping[Aspect, float], causes: list[Cause], change: str) -> Cause:
    best = max((cause.weight for cause in causes), default=0.0)
    return Cause(
        "unexplained",
        f"The values changed{change}, and no cause that is known here explains half of that",
        0.0,
        {"shape": sizes["shape"], "best_explanation": best},
    )
