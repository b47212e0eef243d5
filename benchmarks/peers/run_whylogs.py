"""whylogs: a profile of each side, drift scores from the profiles, and the merge of profiles."""

from typing import Any

from benchmarks.peers.protocol import Run, main


def _scores(run: Run) -> Any:
    import pandas as pd
    import whylogs
    from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

    with run.part("loading"):
        frames = [pd.read_parquet(path) for path in (run.reference, run.current)]
    with run.part("computing"):
        views = [whylogs.log(pandas=frame).view() for frame in frames]
        return calculate_drift_scores(
            target_view=views[1], reference_view=views[0], with_thresholds=True
        )


def defaults(run: Run) -> None:
    run.what = "profiles, then KS of numbers and chi² of text from sketches"
    for column, found in _scores(run).items():
        if found:
            run.note(f"{found['algorithm']}_pvalue", column, found["pvalue"])


def decide(run: Run) -> None:
    run.what = "p ≤ 0.05 of KS or chi² from sketches"
    for column, found in _scores(run).items():
        run.note("drifted", column, bool(found) and found["drift_category"] == "DRIFT")


def history(run: Run) -> None:
    """Adding each day to the sum of those before; ``days`` holds the days' files."""
    import pathlib
    import time

    import pandas as pd
    import whylogs

    run.what = "merging a day's profile into the sum of those before"
    total = None
    for number, path in enumerate(sorted(pathlib.Path(run.folder).glob("day-*.parquet")), 1):
        frame = pd.read_parquet(path)
        began = time.perf_counter()
        view = whylogs.log(pandas=frame).view()
        profiled = time.perf_counter()
        total = view if total is None else total.merge(view)
        merged = time.perf_counter()
        run.note("profiling", str(number), profiled - began)
        run.note("merging", str(number), merged - profiled)


if __name__ == "__main__":
    main({"defaults": defaults, "decide": decide, "history": history})
