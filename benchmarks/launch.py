"""Runs one command and tells its wall time and peak memory.

A process of its own, started by :func:`benchmarks.measure.run`: Linux counts towards a child's peak
memory what its parent held when it forked, so the parent must be as small as this one. Imports
nothing beyond the standard library, and of that little.

The peak is of the largest single process among the command and those that it waited for, not the
sum of them.
"""

import os
import sys
import time


def main(report: str, command: list[str]) -> int:
    """Runs ``command``; writes seconds and peak bytes to ``report``; the command's exit status."""
    began = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ)
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - began
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    with open(report, "w") as file:  # noqa: PTH123 - pathlib would cost memory here
        file.write(f"{seconds!r} {used.ru_maxrss * unit}")
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2:]))
