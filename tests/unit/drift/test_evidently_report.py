"""Evidently's report: on a seeded sample, of exactly the columns asked for, or an error."""

import numpy as np
import polars as pl
import pytest

from clinical_assets.drift import Plan, compare, evidently_report
from clinical_assets.errors import ClinicalError

RNG = np.random.default_rng(2)


def frame(shift: float) -> pl.DataFrame:
    rows = 900
    return pl.DataFrame(
        {
            "x": RNG.normal(shift, 1, rows),
            "ward": RNG.choice(["a", "b"], rows),
            "flag": [True, None, False] * 300,
            "nothing": pl.Series([None] * rows, dtype=pl.Float64),
            "infinite": [1.0, float("inf"), float("nan")] * 300,
            "patient_id": [str(i) for i in range(rows)],
            "day": pl.date_range(pl.date(2026, 1, 1), pl.date(2028, 6, 18), eager=True),
        }
    )


def test_a_report_that_lacks_a_column_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would be if the library dropped one."""

    class Snapshot:
        def dict(self) -> dict[str, object]:
            config = {"type": "evidently:metric_v2:ValueDrift", "column": "x"}
            return {"metrics": [{"config": config, "value": 0.1}]}

    monkeypatch.setattr(evidently_report, "_run", lambda *_: Snapshot())
    before, after = frame(0).select("x", "ward"), frame(1).select("x", "ward")
    with pytest.raises(ClinicalError, match="ward missing, none too many"):
        evidently_report.evidently_report(
            before.lazy(), after.lazy(), compare(before, after), Plan()
        )


def test_no_column_left_is_an_error() -> None:
    before = frame(0).select("nothing", "patient_id")
    with pytest.raises(ClinicalError, match="No column is left"):
        evidently_report.evidently_report(
            before.lazy(), before.lazy(), compare(before, before), Plan()
        )


def test_no_level_of_few_rows_reaches_evidently(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[pl.DataFrame] = []

    def run(reference: pl.DataFrame, current: pl.DataFrame, *_: object) -> None:
        given.extend((reference, current))
        raise ClinicalError("enough", repair="none")

    monkeypatch.setattr(evidently_report, "_run", run)
    before = pl.DataFrame({"ward": ["a"] * 400 + ["b"] * 490 + ["Mrs Canary"] * 10})
    after = pl.DataFrame({"ward": ["a"] * 400 + ["b"] * 490 + ["Mr Wren"] * 8 + [None] * 2})
    with pytest.raises(ClinicalError, match="enough"):
        evidently_report.evidently_report(
            before.lazy(), after.lazy(), compare(before, after), Plan()
        )
    for side, rare in zip(given, (10, 8), strict=True):
        counts = dict(side["ward"].drop_nulls().value_counts().iter_rows())
        assert counts == {"a": 400, "b": 490, evidently_report.OTHER: rare}


@pytest.mark.slow
def test_evidently_itself_reports_on_every_column_asked_for() -> None:
    before, after = frame(0), frame(2)
    found = compare(before, after)
    made = evidently_report.evidently_report(
        before.lazy(), after.lazy(), found, Plan(), rows=500, seed=3
    )
    assert made.columns == ("x", "ward", "flag", "infinite")
    assert dict(made.left_out) == {
        "nothing": "without a value in a sample",
        "patient_id": "its levels look like identifiers",
        "day": "of kind time",
    }
    assert made.rows == (500, 500)
    assert "sample of 500 and 500 rows (seed 3)" in made.explain()
    assert "<html" in made.html[:200]
    assert "method psi" in made.explain()
