"""Evidently: PSI of every column, its default methods, and which columns it calls drifted."""

from typing import Any

from benchmarks.peers.protocol import Run, main


def _report(run: Run, **options: Any) -> list[dict[str, Any]]:
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    with run.part("loading"):
        frames = [pd.read_parquet(path) for path in (run.reference, run.current)]
        numeric = [c for c in frames[0] if pd.api.types.is_numeric_dtype(frames[0][c])]
        text = [c for c in frames[0] if c not in numeric]
        given = DataDefinition(numerical_columns=numeric, categorical_columns=text)
        reference, current = (Dataset.from_pandas(f, data_definition=given) for f in frames)
    with run.part("computing"):
        found = Report([DataDriftPreset(**options)]).run(current, reference).dict()
    return [m for m in found["metrics"] if m["config"].get("column")]


def psi(run: Run) -> None:
    run.what = "PSI"
    for metric in _report(run, method="psi"):
        run.note("psi", metric["config"]["column"], metric["value"])


def defaults(run: Run) -> None:
    run.what = "its choice by size: scaled Wasserstein, Jensen–Shannon"
    for metric in _report(run):
        run.note("score", metric["config"]["column"], metric["value"])


def decide(run: Run) -> None:
    run.what = "up to 1,000 rows p < 0.05 of KS, chi² or z; beyond, a distance of 0.1 or more"
    for metric in _report(run):
        config = metric["config"]
        value, threshold = metric["value"], config["threshold"]
        drifted = value < threshold if "p_value" in config["method"] else value >= threshold
        run.note("drifted", config["column"], drifted)


if __name__ == "__main__":
    main({"psi": psi, "defaults": defaults, "decide": decide})
