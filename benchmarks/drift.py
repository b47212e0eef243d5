"""Exact drift statistics from Parquet, against the floor: polars reading and summing every column.

Two tables of 30 numeric columns (12 normal, 12 lognormal, 6 rounded to whole numbers) and 10 of
text (3 to 1,000 levels), 2 % nulls, seeded; the second is shifted in some. Every run is a process
of its own, in turns with the others; whole is the process from start to end, computing what lies
between its imports and its answer, CPU what all of its threads used. Files lie in the operating
system's cache. Peers join by adding their command to :func:`contenders`.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import load, run
from benchmarks.table import Table, memory_of, time_of, times

if TYPE_CHECKING:
    import polars as pl

TITLE = "Exact drift statistics, 40 columns of two Parquet files"
FLOOR = "floor: read and sum"
SIZES = ((100_000, 9), (1_000_000, 7), (10_000_000, 3))
_PART = 1_000_000
_LEVELS = (3, 4, 5, 6, 8, 12, 20, 40, 100, 1000)
Command = Sequence[str]
Runs = dict[str, list[dict[str, float]]]


def tables(quick: bool) -> list[Table]:
    """One table a size: 100,000 rows a side, and 1 and 10 million unless ``quick``."""
    return [_table(rows, turns, quick) for rows, turns in SIZES[: 1 if quick else None]]


def contenders(folder: str) -> dict[str, Command]:
    """The command of each way by name. It prints JSON: ``computing`` and ``cpu`` in seconds."""
    ours = {FLOOR: "floor", "KS + PSI": "distances", "every statistic": "everything"}
    return {
        name: (
            *(sys.executable, "-m", "benchmarks.measure", f"benchmarks.drift:{function}"),
            json.dumps([folder]),
        )
        for name, function in ours.items()
    }


def _table(rows: int, turns: int, quick: bool) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        run_alone("prepare", folder, rows)
        before = load()
        found = _in_turns(contenders(folder), 1 if quick else turns)
    note = f"Medians of {1 if quick else turns} turns; ratios turn by turn. Load {before} before."
    columns = ("way", "whole", "ratio", "computing", "ratio", "CPU", "ratio", "peak memory")
    lines = tuple(_line(name, found) for name in found)
    return Table(f"{TITLE}, {rows:,} rows each", columns, lines, note)


def _in_turns(commands: Mapping[str, Command], turns: int) -> Runs:
    """Every command in each turn; one turn before them is not counted."""
    found: Runs = {name: [] for name in commands}
    for turn in range(turns + 1):
        for name, command in commands.items():
            done = run(command)
            if turn:
                told = json.loads(done.output)
                found[name].append({"whole": done.seconds, "peak": done.peak, **told})
    return found


def _line(name: str, found: Runs) -> tuple[str, ...]:
    cells = [name]
    for measure in ("whole", "computing", "cpu"):
        ours, floor = ([turn[measure] for turn in found[n]] for n in (name, FLOOR))
        ratio = statistics.median(a / b for a, b in zip(ours, floor, strict=True))
        cells += [time_of(statistics.median(ours)), times(ratio)]
    return (*cells, memory_of([max(turn["peak"] for turn in found[name])]))


def run_alone(function: str, *arguments: object) -> None:
    """Calls a function of this file in a process of its own, whose memory ends with it."""
    name = f"benchmarks.drift:{function}"
    run((sys.executable, "-m", "benchmarks.measure", name, json.dumps(arguments)))


def prepare(folder: str, rows: int) -> None:
    """Writes ``reference.parquet`` and ``current.parquet``, a million rows at a time."""
    import polars as pl

    for shift, name in enumerate(("reference", "current")):
        parts = []
        for part, start in enumerate(range(0, rows, _PART)):
            parts.append(Path(folder) / f"part-{part}.parquet")
            table(min(_PART, rows - start), 1_000 * shift + part, shift).write_parquet(parts[-1])
        pl.scan_parquet(parts).sink_parquet(Path(folder) / f"{name}.parquet")
        for file in parts:
            file.unlink()


def table(rows: int, seed: int, shift: int) -> "pl.DataFrame":
    """The columns ``n00`` to ``n29`` and ``c00`` to ``c09``."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(seed)
    columns: dict[str, pl.Series] = {}
    for i in range(30):
        shape = ("normal", "lognormal", "normal", "lognormal", "rounded")[i % 5]
        values = rng.normal(shift * 0.05 * (i % 3), 1, rows)
        if shape == "lognormal":
            values = np.exp(values)
        elif shape == "rounded":
            values = np.round(80 + 15 * values)
        columns[f"n{i:02d}"] = pl.Series(values)
    for i, number in enumerate(_LEVELS):
        weights = np.arange(number, 0, -1.0)
        codes = rng.choice(number, rows, p=weights / weights.sum())
        columns[f"c{i:02d}"] = pl.Series([f"level {j}" for j in range(number)]).gather(codes)
    return pl.DataFrame(
        {
            name: column.set(pl.Series(rng.random(rows) < 0.02), None)
            for name, column in columns.items()
        }
    )


def floor(folder: str) -> dict[str, float]:
    """Reads every column of both files and sums it (of text: the bytes)."""
    import polars as pl
    import polars.selectors as cs

    sums = cs.numeric().sum(), cs.string().str.len_bytes().sum()

    def act() -> None:
        for name in ("reference", "current"):
            pl.scan_parquet(f"{folder}/{name}.parquet").select(*sums).collect(engine="streaming")

    return _timed(act)


def distances(folder: str) -> dict[str, float]:
    """KS, its p-value and PSI of every column."""
    return _compared(folder, ("psi", "ks", "ks_pvalue"))


def everything(folder: str) -> dict[str, float]:
    """Every statistic of every column: what ``compare`` does when nothing is chosen."""
    from clinical_assets.drift.measure import STATISTICS

    return _compared(folder, STATISTICS)


def _compared(folder: str, statistics: Sequence[str]) -> dict[str, float]:
    import polars as pl

    from clinical_assets.drift import compare

    reference, current = (
        pl.scan_parquet(f"{folder}/{name}.parquet") for name in ("reference", "current")
    )
    return _timed(lambda: compare(reference, current, statistics=statistics))


def _timed(act: Callable[[], object]) -> dict[str, float]:
    began = time.perf_counter()
    act()
    computing = time.perf_counter() - began
    return {"computing": computing, "cpu": time.process_time()}
