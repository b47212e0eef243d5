"""How long ``clinical --help`` takes, against an interpreter that does nothing."""

import statistics
import sys
from pathlib import Path

from benchmarks.measure import Finished, run
from benchmarks.table import Table, memory_of, time_of, times

TITLE = "Start of the command line: clinical --help"


def tables(quick: bool) -> list[Table]:
    """Wall time from the start of the process to its end, and its peak memory."""
    script = Path(sys.executable).with_name("clinical")
    clinical = (
        [sys.executable, str(script)]
        if script.is_file()
        else [sys.executable, "-m", "clinical_assets.cli"]
    )
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "clinical --help": [*clinical, "--help"],
    }
    found: dict[str, list[Finished]] = {name: [] for name in commands}
    for turn in range(3 if quick else 21):
        for name, command in commands.items():
            finished = run(command)
            if turn:  # the first may have read its files from disk
                found[name].append(finished)
    floor = [one.seconds for one in found["python -c pass"]]
    rows = []
    for name, ended in found.items():
        seconds = [one.seconds for one in ended]
        ratio = statistics.median(a / b for a, b in zip(seconds, floor, strict=True))
        peak = statistics.median(one.peak for one in ended)
        median, slowest = statistics.median(seconds), max(seconds)
        rows.append((name, time_of(median), time_of(slowest), times(ratio), memory_of([peak])))
    return [Table(TITLE, ("", "median", "slowest", "ratio", "peak memory"), tuple(rows))]
