"""Reading a snapshot, verified by SHA-256, against a plain read of the same file.

Both find the file in the operating system's cache: what is compared is the verification, not the
disk.
"""

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import added_memory, call, in_turns, ratio
from benchmarks.table import Table, memory_of, share, time_of, times

TITLE = "Snapshot store: verified read against a plain file read"
PLAIN, VERIFIED, DIGEST = "plain read", "verified read", "SHA-256 alone"


def tables(quick: bool) -> list[Table]:
    """One row a size: 1 MB, and 100 MB unless ``quick``."""
    rows = []
    for size, turns in ((1_000_000, 5 if quick else 50), (100_000_000, 9))[: 1 if quick else 2]:
        with tempfile.TemporaryDirectory() as folder:
            turned = call("benchmarks.snapshots:timed", folder, size, turns)
            memory = [call("benchmarks.snapshots:memory", folder, n) for n in (PLAIN, VERIFIED)]
        plain, verified = (statistics.median(turned[n]) for n in (PLAIN, VERIFIED))
        rows.append(
            (
                f"{size // 1_000_000} MB",
                time_of(plain),
                time_of(verified),
                times(ratio(turned, VERIFIED, PLAIN)),
                share(ratio(turned, DIGEST, VERIFIED)),
                f"{size / verified / 1e6:,.0f} MB/s",
                *map(memory_of, memory),
            )
        )
    columns = (
        *("object", PLAIN, VERIFIED, "ratio", "SHA-256 alone", "verified at"),
        *("memory, plain", "memory, verified"),
    )
    return [Table(TITLE, columns, tuple(rows))]


def timed(folder: str, size: int, turns: int) -> dict[str, list[float]]:
    """Stores one object of ``size`` random bytes below ``folder`` and reads it in turns."""
    import hashlib

    import numpy as np

    from resources.snapshot_store import SnapshotStore

    data = np.random.default_rng(0).bytes(size)
    SnapshotStore(folder).put(data)
    reads = _reads(folder)
    return in_turns({**reads, DIGEST: lambda: hashlib.sha256(data).hexdigest()}, turns)


def memory(folder: str, name: str) -> tuple[int, int]:
    """Peak memory before and after one read of the object that :func:`timed` stored."""
    return added_memory(_reads(folder)[name])


def _reads(folder: str) -> dict[str, Callable[[], object]]:
    from resources.snapshot_store import SnapshotStore

    store = SnapshotStore(folder)
    (path,) = (p for p in Path(folder).glob("??/*") if p.is_file())
    return {PLAIN: path.read_bytes, VERIFIED: lambda: store.get(path.name)}
