"""A pure verdict shown as a Dagster check result, the same way for every gate.

What belongs here: the translation of :class:`~clinical_assets.modelling.records.Verdict`. What
does not: any decision; a gate's numbers and its yes or no are made in the pure packages.
"""

import math

from dagster import AssetCheckResult, AssetCheckSeverity, MetadataValue

from clinical_assets.canonical import content_digest
from clinical_assets.keys import JUDGED
from clinical_assets.modelling.records import Verdict


def to_check_result(verdict: Verdict, judged: object) -> AssetCheckResult:
    """The verdict as a check result: description, summary as Markdown, one entry a measurement.

    The digest of ``judged``, the guarded asset's value as the gate saw it, goes with it: by it a
    release tells whether the verdict is about what is there now.

    A failed gate has severity ERROR, because Dagster lets downstream assets run after WARN. A
    measurement that is None is shown as "not available"; whole numbers are shown as integers. A
    verdict that holds NaN or infinity fails whatever it says: such a number is no evidence.
    """
    metadata: dict[str, MetadataValue] = {
        "summary": MetadataValue.md(verdict.summary),
        JUDGED: MetadataValue.text(_digest(judged)),
    }
    not_finite = []
    for name, value in verdict.measurements.items():
        if isinstance(value, float) and not math.isfinite(value):
            not_finite.append(name)
        metadata[name] = _shown(value)
    summary = verdict.summary
    if not_finite:
        summary += f" Failed because these measurements are not finite: {', '.join(not_finite)}."
        metadata["summary"] = MetadataValue.md(summary)
    return AssetCheckResult(
        passed=bool(verdict.passed) and not not_finite,
        severity=AssetCheckSeverity.ERROR,
        description=summary,
        metadata=metadata,
    )


def _digest(judged: object) -> str:
    try:
        return content_digest(judged)
    except (TypeError, ValueError):  # a column of a type that no lake table has
        return "no digest"


def _shown(value: float | str | None) -> MetadataValue:
    if value is None:
        return MetadataValue.text("not available")
    if isinstance(value, str):
        return MetadataValue.text(value)
    number = float(value)
    if not math.isfinite(number):
        return MetadataValue.text("not a finite number")
    return MetadataValue.int(int(number)) if number.is_integer() else MetadataValue.float(number)
