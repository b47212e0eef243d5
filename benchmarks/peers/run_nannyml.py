"""NannyML: its binned KS of numbers, its default, and whether it alerts on the current rows."""

from typing import Any

from benchmarks.peers.protocol import Run, main


def _frames(run: Run) -> Any:
    import pandas as pd

    with run.part("loading"):
        return [pd.read_parquet(path) for path in (run.reference, run.current)]


def _calculated(run: Run, columns: list[str], frames: Any, **options: Any) -> Any:
    import nannyml

    with run.part("computing"):
        calculator = nannyml.UnivariateDriftCalculator(column_names=columns, **options)
        calculator.fit(frames[0])
        return calculator.calculate(frames[1])


def _mean(found: Any, method: str, field: str, run: Run, statistic: str) -> None:
    table = found.filter(period="analysis").to_df()
    for column in found.column_names:
        if (column, method, field) in table:
            run.note(statistic, column, table[column, method, field].astype(float).mean())


def ks(run: Run) -> None:
    run.what = "KS from 10,000 bins of numbers, in one chunk; nothing of text"
    frames = _frames(run)
    numeric = list(frames[0].select_dtypes("number"))
    options = {"continuous_methods": ["kolmogorov_smirnov"], "chunk_number": 1}
    found = _calculated(run, numeric, frames, **options)
    _mean(found, "kolmogorov_smirnov", "value", run, "ks")


def defaults(run: Run) -> None:
    run.what = "Jensen–Shannon of each of 10 chunks"
    frames = _frames(run)
    found = _calculated(run, list(frames[0]), frames)
    _mean(found, "jensen_shannon", "value", run, "jensen_shannon")


def decide(run: Run) -> None:
    run.what = "Jensen–Shannon of the window beyond 3 sd of the ten of the reference"
    frames = _frames(run)
    options = {"chunk_size": len(frames[1])}
    found = _calculated(run, list(frames[0]), frames, **options)
    _mean(found, "jensen_shannon", "alert", run, "drifted")


if __name__ == "__main__":
    main({"ks": ks, "defaults": defaults, "decide": decide})
