"""Ours on the cases: the plan's constants, thresholds calibrated on the reference, correlations."""

from typing import TYPE_CHECKING, Any

from benchmarks.peers.cases import CASES, WINDOWS, correlated, pair

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

RUN = 20.0
_DECILES = [i / 10 for i in range(1, 10)]
Rates = dict[str, dict[str, float]]


def rates(rows: int, repetitions: int) -> Rates:
    """Share of repetitions that alarm, by rule and case."""
    plain: dict[str, float] = {}
    fitted: dict[str, float] = {}
    for case in CASES:
        alarms = [0, 0]
        for number in range(repetitions):
            reference, current = pair(case, rows, number)
            alarms[0] += by_plan(reference, current)
            alarms[1] += by_calibration(reference, current, seed=number)
        plain[case], fitted[case] = (n / repetitions for n in alarms)
    return {"ours, default plan": plain, "ours, calibrated": fitted}


def by_plan(reference: "pl.Series", current: "pl.Series") -> bool:
    """Significant and large."""
    from clinical_assets.drift import compare

    return compare(reference.to_frame("x"), current.to_frame("x")).drifted


def by_calibration(reference: "pl.Series", current: "pl.Series", *, seed: int) -> bool:
    """Beyond what one window of the reference in 20 would reach: χ², of numbers KS as well, and the
    share of missing values.

    Bins are the reference's deciles or levels. The statistics share the budget of false alarms.
    """
    import numpy as np

    from clinical_assets.drift.thresholds import ROWWISE, calibrate

    before, after = _counts(reference, current)
    values = ("chi2",) if reference.dtype == _text() else ("chi2", "ks")
    asked = [(name, before[:, :-1], after[:-1]) for name in values]
    asked.append(("total_variation", _missing(before), _missing(after)))
    for name, ours, theirs in asked:
        given: dict[str, Any] = {"run": RUN, "seed": seed, "columns": len(asked)}
        threshold = calibrate(ours, int(theirs.sum()), ROWWISE[name], **given)
        if np.max(ROWWISE[name](ours.sum(axis=0), theirs)) > threshold.value:
            return True
    return False


def _missing(counts: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """How many values there are, and how many are missing, which the last bin counts."""
    import numpy as np

    return np.stack([counts[..., :-1].sum(axis=-1), counts[..., -1]], axis=-1)


def _text() -> Any:
    import polars as pl

    return pl.String


def _counts(
    reference: "pl.Series", current: "pl.Series"
) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """Counts by window and bin of the reference, and by bin of the current side."""
    import numpy as np

    if reference.dtype == _text():
        levels = sorted(reference.drop_nulls().unique())
        codes = [
            s.replace_strict(levels, range(len(levels)), default=len(levels)).to_numpy()
            for s in (reference, current)
        ]
        bins = len(levels) + 1
    else:
        edges = np.quantile(reference.drop_nulls().to_numpy(), _DECILES)
        codes = [_binned(side, edges) for side in (reference, current)]
        bins = len(edges) + 2
    parts = np.array_split(codes[0], WINDOWS)
    before = np.stack([np.bincount(part, minlength=bins) for part in parts])
    return before, np.bincount(codes[1], minlength=bins)


def _binned(side: "pl.Series", edges: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    import numpy as np

    values = side.to_numpy()
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, "left"))


def together(rows: int, repetitions: int) -> dict[str, dict[str, float]]:
    """The same of changed and unchanged correlations, for what looks at columns together."""
    from clinical_assets.drift.multivariate import correlation_drift

    found = {}
    for name, changed in (("no change", False), ("correlation 0 → 0.5", True)):
        alarms = [
            bool(correlation_drift(*correlated(rows, number, changed)).changed())
            for number in range(repetitions)
        ]
        found[name] = sum(alarms) / repetitions
    return {"ours, correlations": found}
