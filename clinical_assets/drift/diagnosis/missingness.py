"""Values that are missing more or less often."""

from clinical_assets.drift.diagnosis.cause import Claim, Kind
from clinical_assets.drift.diagnosis.change import missing_change, present
from clinical_assets.drift.diagnosis.summaries import Summary
from clinical_assets.drift.sentences import shares as percentages

_RARE = 0.5
_TRUST = 0.99


def claims(reference: Summary, current: Summary) -> list[Claim]:
    """A burst of missing values or, where most are missing anyhow, another measuring habit."""
    change = missing_change(reference, current)
    if not change:
        return []
    before, after = reference.missing / reference.rows, current.missing / current.rows
    evidence = {"missing_reference": before, "missing_current": after}
    times = (1 - after) / (1 - before) if before < 1 else None
    rare = before > _RARE and times
    kind: Kind = "missing"
    if not present(current):
        sentence = f"No value is left, {before:.1%} were missing in the reference"
    elif times is None:
        kind, sentence = "measured_more", "Values appear where the reference had none"
    elif rare:
        kind = "measured_less" if times < 1 else "measured_more"
        was, now = percentages(1 - before, 1 - after)
        how = f"{1 / times:.1f} times less" if times < 1 else f"{times:.1f} times more"
        sentence = (
            f"It is measured {how} often: {now} of the rows have a value, {was} in the reference"
        )
        evidence["ratio"] = times
    else:
        sentence = _burst(before, after)
    return [Claim(kind, sentence, {"missing": 1.0}, _TRUST, evidence)]


def _burst(before: float, after: float) -> str:
    was, now = percentages(before, after)
    shares = f"{now} of the rows, {was} in the reference"
    if after < before:
        return (
            f"Values are missing less often ({shares}): a feed or a form that delivers them now, "
            "or another habit of measuring"
        )
    often = f"{after / before:.1f} times as often" if before and after < 100 * before else "now"
    return (
        f"Values are missing {often} ({shares}): a feed, a form or a device that drops them, or "
        "another habit of measuring"
    )
