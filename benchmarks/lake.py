"""The lake against raw Parquet: what versions, atomic commits and verified reads cost.

The table is the diabetes dataset (10 columns: two of text, seven of numbers with missing values,
the label), its own 632 rows or as many drawn from them with replacement. Raw Parquet is what
polars does alone with the same codec: a write that is not flushed to disk and knows no version, and
a scan that trusts the file. Both reads find the file in the operating system's cache.
"""

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import ROOT, Turns, added_memory, call, in_turns, ratio
from benchmarks.table import Table, memory_of, share, time_of, times

if TYPE_CHECKING:
    import polars as pl

TITLE = "Lake against raw Parquet, 10 columns"
WRITE, READ = "write", "read"
ROWS = "digest of the rows"
FILE = "digest of the file"
LOG = "Delta log"
PARTS = {READ: (ROWS, FILE, LOG), WRITE: (ROWS, FILE)}
Actions = dict[str, Callable[[], object]]


def tables(quick: bool) -> list[Table]:
    """Reads and writes at 632 rows, and at 100,000 and 1,000,000 unless ``quick``."""
    sizes = ((632, 3),) if quick else ((632, 31), (100_000, 15), (1_000_000, 5))
    rows: dict[str, list[tuple[str, ...]]] = {READ: [], WRITE: []}
    for size, turns in sizes:
        with tempfile.TemporaryDirectory() as folder:
            call("benchmarks.lake:prepare", folder, size)
            turned = call("benchmarks.lake:timed", folder, turns)
            for act, found in rows.items():
                peaks = [
                    call("benchmarks.lake:memory", folder, f"{kind} {act}")
                    for kind in ("raw", "lake")
                ]
                found.append((f"{size:,} rows", *_row(turned, act), *map(memory_of, peaks)))
    note = (
        "Shares are of the lake's time. Memory: of the process (in brackets: what the act added)."
    )
    return [
        Table(
            f"{TITLE}: {act}",
            (act, "raw", "lake", "ratio", *PARTS[act], "peak memory, raw", "peak memory, lake"),
            tuple(found),
            note,
        )
        for act, found in rows.items()
    ]


def _row(turned: Turns, act: str) -> tuple[str, ...]:
    raw, lake = f"raw {act}", f"lake {act}"
    median = {name: statistics.median(found) for name, found in turned.items()}
    return (
        time_of(median[raw]),
        time_of(median[lake]),
        times(ratio(turned, lake, raw)),
        *(share(ratio(turned, part, lake)) for part in PARTS[act]),
    )


def prepare(folder: str, rows: int) -> None:
    """Writes the table as ``raw.parquet`` and into a lake."""
    from resources.delta.lake import Lake

    frame = _dataset(rows)
    frame.write_parquet(Path(folder) / "raw.parquet", compression="zstd")
    Lake(f"{folder}/lake").write("table", frame)


def timed(folder: str, turns: int) -> Turns:
    """Every read and write in turns, with the digests that are part of the lake's."""
    from clinical_assets.canonical import frame_digest, sha256
    from resources.delta.lake import Lake

    frame = _frame(folder)
    data = (Path(folder) / "raw.parquet").read_bytes()
    parts: Actions = {
        ROWS: lambda: frame_digest(frame),
        FILE: lambda: sha256(data),
        LOG: lambda: Lake(f"{folder}/lake").latest("table"),
    }
    return in_turns({**_reads(folder), **_writes(folder), **parts}, turns)


def memory(folder: str, name: str) -> tuple[int, int]:
    """Peak memory before and after one act; the frame to write is loaded before."""
    actions = _reads(folder) if name.endswith(READ) else _writes(folder)
    return added_memory(actions[name])


def _reads(folder: str) -> Actions:
    import polars as pl

    from resources.delta.lake import Lake

    lake = Lake(f"{folder}/lake")
    pin = lake.latest("table")
    assert pin is not None
    (file,) = lake.files(pin)
    return {
        f"raw {READ}": lambda: pl.scan_parquet(file).collect(),
        f"lake {READ}": lambda: lake.read("table", pin),
    }


def _writes(folder: str) -> Actions:
    from resources.delta.lake import Lake

    frame = _frame(folder)
    target = Path(folder) / "written.parquet"
    lake = Lake(f"{folder}/written")
    return {
        f"raw {WRITE}": lambda: frame.write_parquet(target, compression="zstd"),
        f"lake {WRITE}": lambda: lake.write("table", frame),
    }


def _frame(folder: str) -> "pl.DataFrame":
    import polars as pl

    return pl.read_parquet(Path(folder) / "raw.parquet")


def _dataset(rows: int) -> "pl.DataFrame":
    import polars as pl

    from clinical_assets.diabetes.spec import MODEL

    files = {p.name: p.read_bytes() for p in sorted((ROOT / "data/raw/pima").glob("*.csv"))}
    dataset = MODEL.read(files)
    if rows == dataset.height:
        return dataset
    drawn = dataset.sample(rows, with_replacement=True, seed=0)
    row = pl.int_range(pl.len()).cast(pl.String).str.zfill(7)
    return drawn.with_columns(patient_id=pl.concat_str(pl.lit("row-"), row))
