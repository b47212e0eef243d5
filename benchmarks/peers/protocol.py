"""What a runner prints: one line of JSON, written with nothing but the standard library.

Runners are executed by each peer's own interpreter, so that this file may import nothing else.
"""

import contextlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

REFERENCE, CURRENT = "reference.parquet", "current.parquet"
Answer = dict[str, Any]
Way = Callable[["Run"], None]


class Run:
    """One comparison as it goes on: where the tables are, what it took, what was found.

    Attributes:
        reference, current: paths of the two Parquet files.
        seconds: by ``loading`` (files into the peer's frames) and ``computing``.
        found: a number by column and statistic; what is None or absent was not computed.
        what: what was computed, in a few words.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.reference = f"{folder}/{REFERENCE}"
        self.current = f"{folder}/{CURRENT}"
        self.seconds = {"loading": 0.0, "computing": 0.0}
        self.found: dict[str, dict[str, float | None]] = {}
        self.what = ""

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Adds the seconds of what is done within to ``loading`` or ``computing``."""
        began = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - began

    def note(self, statistic: str, column: str, value: Any) -> None:
        """Keeps a number that was found."""
        self.found.setdefault(statistic, {})[column] = _plain(value)

    def answer(self, way: str) -> Answer:
        """Plain values for the line."""
        covered = {c for values in self.found.values() for c, v in values.items() if v is not None}
        return {
            "way": way,
            "what": self.what,
            **self.seconds,
            "cpu": time.process_time(),
            "covered": len(covered),
            "found": self.found,
        }


def main(ways: dict[str, Way]) -> None:
    """``WAY FOLDER``: runs it and prints the line; what a peer prints goes to standard error."""
    warnings.simplefilter("ignore")
    way, folder = sys.argv[1:]
    real = os.dup(1)
    os.dup2(2, 1)  # peers print progress bars and advertisements
    run = Run(folder)
    ways[way](run)
    with os.fdopen(real, "w") as line:
        line.write(json.dumps(run.answer(way), allow_nan=False) + "\n")


def read(output: str) -> Answer:
    """The answer in a runner's output.

    Raises:
        ValueError: it is not one line of JSON with what an answer holds.
    """
    lines = output.splitlines()
    if len(lines) != 1:
        raise ValueError(f"A runner prints one line, and this one printed {len(lines)}")
    answer = json.loads(lines[0])
    wanted = ("way", "what", "loading", "computing", "cpu", "covered", "found")
    if missing := [name for name in wanted if name not in answer]:
        raise ValueError(f"A runner's line lacks {', '.join(missing)}")
    return dict(answer)


def _plain(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return number if abs(number) < float("inf") else None
