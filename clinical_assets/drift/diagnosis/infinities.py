"""Values that are infinite more or less often."""

from clinical_assets.drift.diagnosis.cause import Claim
from clinical_assets.drift.diagnosis.change import change_of_share, present
from clinical_assets.drift.diagnosis.summaries import NumericSummary

_TRUST = 0.99


def infinite_change(reference: NumericSummary, current: NumericSummary) -> float:
    """Change of the share of values that are infinite; see :func:`.change.change_of_share`."""
    before, after = (reference.infinite, present(reference)), (current.infinite, present(current))
    return change_of_share(before, after)


def claims(reference: NumericSummary, current: NumericSummary) -> list[Claim]:
    """What a division by zero leaves, or a number beyond what a type holds; or its end."""
    change = infinite_change(reference, current)
    if not change:
        return []
    before, after = (side.infinite / present(side) for side in (reference, current))
    source = "a division by zero, or a number beyond what its type holds"
    if change < 0:
        source = f"{source}, that was mended"
    return [
        Claim(
            "infinite",
            f"{after:.1%} of the values are infinite, {before:.1%} in the reference: {source}",
            {"infinite": 1.0},
            _TRUST,
            {"infinite_reference": before, "infinite_current": after},
        )
    ]
