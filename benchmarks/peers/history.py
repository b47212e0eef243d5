"""Adding one day to a year of history: the sum of daily profiles, recomputing, whylogs' merge."""

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.drift import run_alone
from benchmarks.measure import call, load
from benchmarks.peers.comparing import outcome

DAYS = 365
ROWS = DAYS * 2740  # a million in all
_ENDS = 15  # days at either end that are compared


def history(pythons: dict[str, Path], limit: float) -> dict[str, Any]:
    """Seconds of day 365 and of day 1, and of doing all days again."""
    with tempfile.TemporaryDirectory() as folder:
        run_alone("prepare", folder, ROWS)
        call("benchmarks.peers.history:cut", folder)
        found = {"load": load(), "days": DAYS, "rows": ROWS // DAYS}
        found["ours"] = call("benchmarks.peers.history:ours", folder)
        if "whylogs" in pythons:
            job = ("", pythons["whylogs"], "benchmarks.peers.run_whylogs", "history")
            told = outcome(job, folder, limit)
            found["whylogs"] = summed(told["found"]) if "found" in told else told
    return found


def cut(folder: str) -> None:
    """The current table as one file a day."""
    import polars as pl

    table = pl.read_parquet(f"{folder}/current.parquet")
    rows = ROWS // DAYS
    for day in range(DAYS):
        table.slice(day * rows, rows).write_parquet(f"{folder}/day-{day:03d}.parquet")


def ours(folder: str) -> dict[str, Any]:
    """Profiles each day and adds it; then profiles all rows at once; then compares the sums."""
    import polars as pl

    from clinical_assets.drift import compare, profile

    reference = profile(pl.scan_parquet(f"{folder}/reference.parquet"))
    times: dict[str, dict[str, float]] = {"profiling": {}, "merging": {}}
    total = None
    for number, path in enumerate(sorted(Path(folder).glob("day-*.parquet")), 1):
        began = time.perf_counter()
        day = profile(pl.scan_parquet(path), reference)
        profiled = time.perf_counter()
        total = day if total is None else total.merge(day)
        times["profiling"][str(number)] = profiled - began
        times["merging"][str(number)] = time.perf_counter() - profiled
    began = time.perf_counter()
    again = profile(pl.scan_parquet(f"{folder}/current.parquet"), reference)
    recomputed = time.perf_counter() - began
    began = time.perf_counter()
    compare(reference, again)
    comparing = time.perf_counter() - began
    same = total == again
    return summed(times) | {"recomputing": recomputed, "comparing": comparing, "same": same}


def summed(found: dict[str, dict[str, float]]) -> dict[str, float]:
    """Medians over the first and the last days; the very first is left out, as it only begins."""
    import statistics

    days = [str(day) for day in range(1, DAYS + 1) if str(day) in found["merging"]]

    def median(of: list[str]) -> float:
        return statistics.median(found["profiling"][d] + found["merging"][d] for d in of)

    first, last = median(days[1 : 1 + _ENDS]), median(days[-_ENDS:])
    merging = statistics.median(found["merging"][d] for d in days[-_ENDS:])
    return {"first": first, "last": last, "growth": last / first, "merging": merging}
