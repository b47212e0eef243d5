"""alibi-detect: TabularDrift, which is KS of numbers and chi² of text with p-values.

It knows no missing values (one NaN and a column never drifts) and takes one array of numbers: rows
with a missing value in the column are left out column by column, and levels become codes.
"""

from typing import Any

from benchmarks.peers.protocol import Run, main


def _columns(run: Run) -> Any:
    """Name, whether it is text, and the present values of both sides."""
    import pandas as pd

    frames = [pd.read_parquet(path) for path in (run.reference, run.current)]
    for name in frames[0]:
        present = [frame[name].dropna() for frame in frames]
        text = not pd.api.types.is_numeric_dtype(frames[0][name])
        if text:
            codes, _ = pd.factorize(pd.concat(present))
            values = [codes[: len(present[0])], codes[len(present[0]) :]]
        else:
            values = [side.to_numpy() for side in present]
        yield name, text, [v.reshape(-1, 1) for v in values]


def _tested(run: Run, statistic: str) -> None:
    from alibi_detect.cd import TabularDrift

    with run.part("loading"):
        columns = list(_columns(run))
    for name, text, (reference, current) in columns:
        with run.part("computing"):
            detector = TabularDrift(reference, categories_per_feature={0: None} if text else None)
            found = detector.predict(current)["data"]
        value = found["is_drift"] if statistic == "drifted" else found["distance"][0]
        run.note("chi2" if text and statistic == "ks" else statistic, name, value)


def defaults(run: Run) -> None:
    run.what = "KS with p-value of numbers, chi² of text"
    _tested(run, "ks")


def decide(run: Run) -> None:
    run.what = "p < 0.05 of KS or chi², one detector a column"
    _tested(run, "drifted")


if __name__ == "__main__":
    main({"defaults": defaults, "decide": decide})
