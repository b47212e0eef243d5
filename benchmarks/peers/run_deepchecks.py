"""deepchecks: FeatureDrift, from its sample of 100,000 rows and from every row."""

from typing import Any

from benchmarks.peers.protocol import Run, main


def _scores(run: Run, **options: Any) -> Any:
    import pandas as pd
    from deepchecks.tabular import Dataset
    from deepchecks.tabular.checks import FeatureDrift

    with run.part("loading"):
        frames = [pd.read_parquet(path) for path in (run.reference, run.current)]
        text = [c for c in frames[0] if not pd.api.types.is_numeric_dtype(frames[0][c])]
        sides = [Dataset(frame, cat_features=text) for frame in frames]
    with run.part("computing"):
        check = FeatureDrift(n_top_columns=len(frames[0].columns), **options)
        return check.run(*sides, with_display=False).value


def _noted(run: Run, **options: Any) -> None:
    for column, found in _scores(run, **options).items():
        name = "ks" if found["Method"] == "Kolmogorov-Smirnov" else found["Method"]
        run.note(name, column, found["Drift score"])


def defaults(run: Run) -> None:
    run.what = "KS of numbers, Cramér's V of text, from a sample of 100,000 rows"
    _noted(run)


def every_row(run: Run) -> None:
    run.what = "KS of numbers, Cramér's V of text, from every row"
    _noted(run, n_samples=None)


def decide(run: Run) -> None:
    run.what = "KS or Cramér's V of 0.2 or more"
    for column, found in _scores(run).items():
        score = found["Drift score"]
        run.note("drifted", column, score is not None and score >= 0.2)


if __name__ == "__main__":
    main({"defaults": defaults, "every_row": every_row, "decide": decide})
