"""The clock and the scales that every benchmark uses.

Three rules. Alternatives are timed in turns within one process, so that a change of the machine's
load meets them alike, and their ratio is the median of the ratios turn by turn. Memory is measured
in a process of its own for each case, because a peak cannot be taken back. Everything heavy runs in
children: the process that prints stays small (see :mod:`benchmarks.launch`).
"""

import importlib
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_LAUNCHER = str(Path(__file__).with_name("launch.py"))
Turns = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ended well: wall seconds, peak resident bytes, and what it printed."""

    seconds: float
    peak: int
    output: str


def run(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    limit: float | None = None,
) -> Finished:
    """Runs ``command`` (first item: a path) from the checkout's root.

    Raises:
        RuntimeError: it ended with another status than 0; its last words are passed on.
        TimeoutError: it was not done after ``limit`` seconds, and was ended with all that it
            started.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", _LAUNCHER, str(report), *command],
            cwd=ROOT,
            env=None if environment is None else dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=limit is not None,  # a group of its own, to be ended together
        )
        try:
            output, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise TimeoutError(f"{command[0]} was not done after {limit:g} s") from None
        if process.returncode != 0:
            words = (errors or output).strip()[-2000:]
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {words}")
        seconds, peak = report.read_text().split()
    return Finished(float(seconds), int(peak), output)


def call(function: str, *arguments: object) -> Any:
    """The result of ``module:function`` called in a fresh process; all of it must be JSON."""
    command = [sys.executable, "-m", "benchmarks.measure", function, json.dumps(arguments)]
    return json.loads(run(command).output)


def in_turns(actions: Mapping[str, Callable[[], object]], turns: int) -> Turns:
    """Seconds of each action in each of ``turns`` rounds; one round before them is not counted."""
    found: Turns = {name: [] for name in actions}
    for turn in range(turns + 1):
        for name, action in actions.items():
            began = time.perf_counter()
            action()
            if turn:
                found[name].append(time.perf_counter() - began)
    return found


def ratio(turns: Turns, over: str, under: str) -> float:
    """Median over the rounds of one action's seconds divided by another's."""
    return statistics.median(a / b for a, b in zip(turns[over], turns[under], strict=True))


def quantile(values: Sequence[float], q: float) -> float:
    """The smallest value that at least the share ``q`` of ``values`` does not exceed.

    >>> quantile([5.0, 1.0, 4.0, 2.0, 3.0], 0.5), quantile([1.0, 2.0], 0.99)
    (3.0, 2.0)
    """
    return sorted(values)[max(math.ceil(q * len(values)), 1) - 1]


def added_memory(action: Callable[[], object]) -> tuple[int, int]:
    """Peak resident bytes of this process before ``action`` and after it."""
    before = _own_peak()
    action()
    return before, _own_peak()


def _own_peak() -> int:
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def machine() -> str:
    """Cores, memory, system and interpreter; no name of the machine."""
    import platform

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def load() -> str:
    """Processes that ran or waited to run, on average over the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def _main(function: str, arguments: str) -> None:
    module, _, name = function.partition(":")
    result = getattr(importlib.import_module(module), name)(*json.loads(arguments))
    print(json.dumps(result))


if __name__ == "__main__":
    _main(*sys.argv[1:])
