"""The ledger: durable appends against bare inserts, verification against SHA-256, proofs.

A bare insert puts the same bytes into a table of two columns and waits for the disk, once an
insert: no hash, no signature, no index, no order. It and the ledger are timed in turns.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.ledger_cases import POSTGRESQL, WRITERS
from benchmarks.measure import call, quantile, ratio
from benchmarks.table import Table, memory_of, share, time_of, times

GOAL = 0.7
_BARE, _LEDGER = "bare insert", "ledger"
_EACH = "the 200 entries of a subject, each proven"


def tables(quick: bool) -> list[Table]:
    """Appends, then reading: 1,000,000 entries, or 2,000 if ``quick``."""
    return [_appends(quick), *_reading(2_000 if quick else 1_000_000)]


def share_of_demo(entries: int, seconds: float) -> Table:
    """What ``entries`` appends cost of a ``clinical demo`` that takes ``seconds``.

    For whoever has measured a demo (:mod:`benchmarks.demo`) and counted its ledger's entries.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = call("benchmarks.ledger:appended", f"sqlite:///{folder}/l.db", folder, 300)
    cost = statistics.median(found)
    row = ("clinical demo", f"{entries:,}", time_of(cost), share(entries * cost / seconds))
    return Table("What the ledger adds", ("", "entries", "one append", "of the demo"), (row,))


def appended(url: str, folder: str, count: int) -> list[float]:
    """Seconds of each of ``count`` appends of one entry, one after another."""
    from benchmarks.ledger_cases import act, store

    opened = store(url, folder)
    opened.append([act(0)])
    found = []
    for turn in range(count):
        began = time.perf_counter()
        opened.append([act(turn)])
        found.append(time.perf_counter() - began)
    return found


def _appends(quick: bool) -> Table:
    each, turns = (20, 1) if quick else (250, 5)
    rows, notes = [], [f"Goal with group commit: {GOAL} of the bare insert."]
    for name in ("SQLite", "PostgreSQL"):
        for way in WRITERS:
            turned = call("benchmarks.ledger:raced", name, way, each, turns)
            if turned is None:
                notes.append(f"No PostgreSQL answers at {POSTGRESQL}: not measured.")
                break
            count = each * WRITERS[way]
            bare, ledger = (statistics.median(turned[n]) for n in (_BARE, _LEDGER))
            rows.append(
                (
                    f"{name}, {way}",
                    f"{count / ledger:,.0f}/s",
                    f"{count / bare:,.0f}/s",
                    times(ratio(turned, _BARE, _LEDGER)),
                    memory_of([turned["memory"][0]]),
                )
            )
    columns = ("durable appends", _LEDGER, _BARE, "ratio", "memory")
    return Table("Ledger: appends", columns, tuple(rows), " ".join(notes))


def raced(name: str, way: str, each: int, turns: int) -> dict[str, list[float]] | None:
    """Seconds of each turn; None where the database does not answer."""
    from benchmarks import ledger_cases as cases
    from benchmarks.measure import added_memory

    found: dict[str, list[float]] = {_LEDGER: [], _BARE: []}
    with tempfile.TemporaryDirectory() as folder, cases.database(name, folder) as url:
        if url is None:
            return None
        works: dict[str, Callable[[], cases.Work]] = {
            _LEDGER: lambda: cases.ledger_work(url, folder),
            _BARE: lambda: cases.bare_work(url),
        }
        for work in works.values():
            cases.prepared(work)
        for turn in range(turns + 1):
            for kind, work in works.items():
                seconds = cases.timed(way, work, each)
                if turn:
                    found[kind].append(seconds)
        _, peak = added_memory(lambda: None)
    return {**found, "memory": [peak]}


def _reading(entries: int) -> list[Table]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/l.db"
        built = call("benchmarks.ledger:built", url, folder, entries)
        read, bare, verified, derived = (
            call("benchmarks.ledger:gone_through", url, folder, how)
            for how in ("read", "hash", "verify", "derived")
        )
        proofs = call("benchmarks.ledger:proved", url, folder, 50 if entries < 10_000 else 500)
    cpu_bare, cpu_verify = bare["cpu"], verified["cpu"] - read["cpu"]
    rows = (
        _gone("verified", cpu_verify, entries, cpu_bare, verified["memory"]),
        _gone("SHA-256 alone", cpu_bare, entries, cpu_bare, bare["memory"]),
        _gone("read from SQLite", read["cpu"], entries, cpu_bare, read["memory"]),
        _gone("what is kept beside them", derived["cpu"], entries, cpu_bare, derived["memory"]),
    )
    columns = (f"{entries:,} entries", "CPU", "per CPU-second", "SHA-256 / it", "memory")
    note = (
        f"{built['bytes'] / entries:,.0f} bytes an entry; appended 2,000 at a time at"
        f" {entries / built['seconds']:,.0f}/s; {built['file'] / entries:,.0f} bytes on disk each."
    )
    proof_rows = tuple(
        (name, *(time_of(quantile(proofs[name], q)) for q in (0.5, 0.99))) for name in proofs
    )
    return [
        Table("Ledger: verification", columns, rows, note),
        Table("Ledger: proofs", (f"of {entries:,} entries", "p50", "p99"), proof_rows),
    ]


def _gone(name: str, cpu: float, entries: int, bare: float, peak: float) -> tuple[str, ...]:
    return (name, time_of(cpu), f"{entries / cpu:,.0f}", times(bare / cpu), memory_of([peak]))


def built(url: str, folder: str, entries: int) -> dict[str, float]:
    """A ledger of so many entries, with a checkpoint."""
    from benchmarks.ledger_cases import act, store

    opened = store(url, folder)
    began = time.perf_counter()
    size, total = opened.head().size, 0
    while size < entries:
        acts = [act(size + n) for n in range(min(2000, entries - size))]
        written = opened.append(acts)
        size += len(acts)
    total = sum(len(entry.to_bytes()) for entry in written) * entries // len(written)
    opened.checkpoint()
    opened.engine.close()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "bytes": total, "file": Path(folder, "l.db").stat().st_size}


def gone_through(url: str, folder: str, how: str) -> dict[str, float]:
    """CPU seconds and peak memory of reading all entries, and of what is done with each."""
    from hashlib import sha256
    from itertools import islice

    from benchmarks.ledger_cases import store
    from benchmarks.measure import added_memory
    from clinical_assets.ledger.verification import verify_ledger
    from resources.ledger_database.derived import derived_problems
    from resources.ledger_database.reader import LedgerReader

    opened = store(url, folder)
    reader = LedgerReader(opened)
    hashing = 0.0
    notes, keys = reader.notes(), opened.keys.trusted()

    def read() -> None:
        for _ in reader.rows():
            pass

    def hash_all() -> None:
        nonlocal hashing
        rows = reader.rows()
        while some := list(islice(rows, 5000)):
            began = time.process_time()
            for row in some:
                sha256(b"\x00" + row.body).digest()
            hashing += time.process_time() - began

    def verify() -> None:
        assert verify_ledger(opened.origin, reader.rows(), notes, keys).passed

    def derived() -> None:
        assert derived_problems(opened) == ()

    actions = {"read": read, "hash": hash_all, "verify": verify, "derived": derived}
    began = time.process_time()
    _, peak = added_memory(actions[how])
    return {"cpu": hashing or time.process_time() - began, "memory": peak}


def proved(url: str, folder: str, count: int) -> dict[str, list[float]]:
    """Seconds of each proof of ``count`` random entries and earlier sizes."""
    import random

    from benchmarks.ledger_cases import SUBJECTS, store
    from resources.ledger_database.reader import LedgerReader, Wanted

    reader = LedgerReader(store(url, folder))
    size = reader.store.head().size
    chance = random.Random(0)
    places = [chance.randrange(1, size) for _ in range(count)]
    actions: dict[str, Callable[[int], Any]] = {
        "that an entry is in it": lambda at: reader.inclusion(at, size),
        "that an earlier state is its beginning": lambda at: reader.consistency(at, size),
        _EACH: lambda at: reader.proven(
            Wanted(subject_kind="table", subject_id=f"model-{at % SUBJECTS}/dataset")
        ),
    }
    found: dict[str, list[float]] = {name: [] for name in actions}
    for turn, at in enumerate(places):
        for name, action in actions.items():
            if name == _EACH and turn >= 20:
                continue
            began = time.perf_counter()
            action(at)
            found[name].append(time.perf_counter() - began)
    return found
