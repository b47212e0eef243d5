"""Profiles from Parquet against the floor, and a day added to a history of 365 days.

The tables and the turns are those of :mod:`benchmarks.drift`. The history is 365 days of 2,000
rows; a day is profiled and merged into the sum of the days before it, or all rows are profiled
anew; CPU time, in turns within one process.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from benchmarks import drift
from benchmarks.measure import call, load
from benchmarks.table import Table, time_of, times

if TYPE_CHECKING:
    import polars as pl

    from clinical_assets.drift import Profile

ROWS, DAYS, A_DAY = 1_000_000, 365, 2_000
_TURNS = 9


def tables(quick: bool) -> list[Table]:
    """Two profiles of 40 columns, and the history; fewer rows and days if ``quick``."""
    rows, days = (20_000, 6) if quick else (ROWS, DAYS)
    return [_speed(rows, 1 if quick else 7), _history(days, 200 if quick else A_DAY)]


def _speed(rows: int, turns: int) -> Table:
    ours = {
        "profiles of both": ("profiles", False),
        "profiles with moments": ("profiles", True),
    }
    with tempfile.TemporaryDirectory() as folder:
        drift.run_alone("prepare", folder, rows)
        before = load()
        commands = {drift.FLOOR: drift.contenders(folder)[drift.FLOOR]}
        for name, (function, moments) in ours.items():
            target = f"benchmarks.profiles:{function}"
            arguments = json.dumps([folder, moments])
            commands[name] = (sys.executable, "-m", "benchmarks.measure", target, arguments)
        lines = drift.compared(commands, turns)
    note = f"Medians of {turns} turns; ratios turn by turn. Load {before} before."
    title = f"Profiles of two Parquet files, 40 columns, {rows:,} rows each"
    return Table(title, drift.COLUMNS, lines, note)


def profiles(folder: str, moments: bool) -> dict[str, float]:
    """The profile of the reference, and of the current table on its grid."""
    import polars as pl

    from clinical_assets.drift import profile

    ours, theirs = (
        pl.scan_parquet(f"{folder}/{name}.parquet") for name in ("reference", "current")
    )

    def act() -> None:
        known = profile(ours, moments=moments)
        profile(theirs, known, moments=moments)

    return drift.timed(act)


def _history(days: int, rows: int) -> Table:
    found = call("benchmarks.profiles:history", days, rows)
    first = found["first day"]
    columns = ("step", "median", "against day 1")
    lines = tuple((name, time_of(t), times(t / first)) for name, t in found["times"].items())
    full, bare, whole = (f"{found[name] / 1000:,.0f} kB" for name in ("full", "bare", "sum"))
    note = (
        f"CPU, medians of {_TURNS} turns. A day's file is {full} with its grid and {bare} without;"
        f" that of all days {whole} with it."
    )
    return Table(
        f"One day of {rows:,} rows added to a history of {days} days", columns, lines, note
    )


def history(days: int, rows: int) -> dict[str, object]:
    """Times of adding a day to the first day and to the whole history, and of counting anew."""
    from clinical_assets.drift import merged, profile

    tables = [drift.table(rows, day, 0) for day in range(days)]
    known = profile(tables[0])
    each = [profile(table, known) for table in tables]
    first, before, today = each[0], merged(each[:-1]), tables[-1]
    steps: Mapping[str, Callable[[], object]] = {
        "profile of the day and merge, on day 1": lambda: first.merge(profile(today, known)),
        "the same, on the last day": lambda: before.merge(profile(today, known)),
        "merge alone, on day 1": lambda: first.merge(each[-1]),
        "merge alone, on the last day": lambda: before.merge(each[-1]),
        "all rows profiled anew": lambda: _anew(tables, known),
    }
    found: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(_TURNS + 1):
        for name, act in steps.items():
            began = time.process_time()
            act()
            if turn:
                found[name].append(time.process_time() - began)
    medians = {name: statistics.median(turns) for name, turns in found.items()}
    return {
        "times": medians,
        "first day": next(iter(medians.values())),
        "full": len(each[-1].to_bytes()),
        "bare": len(each[-1].to_bytes(grid=False)),
        "sum": len(before.to_bytes()),
    }


def _anew(tables: "list[pl.DataFrame]", known: "Profile") -> object:
    import polars as pl

    from clinical_assets.drift import profile

    return profile(pl.concat(tables), known)
