"""What :mod:`benchmarks.ledger` times: writers of a ledger and of a bare table, alone or many."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from clinical_assets.ledger.actions import Rows
from clinical_assets.ledger.entry import Act, Actor, Entry, Origin, Subject

POSTGRESQL = os.environ.get("CLINICAL_BENCH_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432")
WRITERS = {"one writer": 1, "8 threads": 8, "8 processes": 8}
SUBJECTS = 5000
Work = Callable[[int], None]
_WORKER = Actor("service", "s-0001", "Worker", "service-credential", on_behalf_of="p-0001")
_COLUMNS = ("glucose_mg_per_dl", "diastolic_mmhg", "bmi_kg_per_m2", "age_years", "diabetes")


def act(number: int) -> Act:
    """An ordinary act: a table was read within a run."""
    return Act(
        uuid4().hex,
        _WORKER,
        "table.read",
        Subject("table", f"model-{number % SUBJECTS}/dataset", "3", "0123456789abcdef" * 4),
        Rows(632, _COLUMNS, "training"),
        origin=Origin("0f8fad5b-d9cb-469f-a165-70867728950e", "diabetes/features"),
        software="0.1.0 8d01301abcde",
    )


def store(url: str, folder: str) -> Any:
    """The ledger at ``url``, its keys below ``folder``."""
    from resources.ledger_database.store import LedgerStore
    from resources.ledger_keys import LedgerKeys

    return LedgerStore(url, LedgerKeys(Path(folder) / "keys"), software="0.1.0 8d01301abcde")


def ledger_work(url: str, folder: str) -> Work:
    """Appends one act a call."""
    opened = store(url, folder)
    return lambda number: opened.append([act(number)]) and None


def bare_work(url: str) -> Work:
    """Inserts the bytes of one entry a call, and waits for the disk."""
    from datetime import UTC, datetime

    body = Entry(1_000_000, datetime.now(UTC), act(0)).to_bytes()
    local = threading.local()
    if url.startswith("sqlite"):
        statement = "INSERT INTO bare (body) VALUES (?)"
        create = "CREATE TABLE IF NOT EXISTS bare (seq INTEGER PRIMARY KEY, body BLOB)"
    else:
        statement = "INSERT INTO bare (body) VALUES (%s)"
        create = "CREATE TABLE IF NOT EXISTS bare (seq BIGSERIAL PRIMARY KEY, body BYTEA)"

    def work(number: int) -> None:
        if getattr(local, "cursor", None) is None:
            local.connection = _connected(url)
            local.cursor = local.connection.cursor()
            if number < 0:
                local.cursor.execute(create)
        local.cursor.execute(statement, (body,))

    return work


def _connected(url: str) -> Any:
    """In autocommit: each insert is a transaction of its own."""
    if url.startswith("sqlite"):
        import sqlite3

        file = url.removeprefix("sqlite:///") + ".bare"
        connection = sqlite3.connect(file, timeout=60.0, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection
    import psycopg2

    connection = psycopg2.connect(url)
    connection.autocommit = True
    return connection


def prepared(work: Callable[[], Work]) -> None:
    """Makes its tables."""
    work()(-1)


def timed(way: str, work: Callable[[], Work], each: int) -> float:
    """Seconds in which every writer did ``each`` calls; opening is not counted."""
    writers = WRITERS[way]
    if way.endswith("processes"):
        return _in_processes(work, writers, each)
    made = work()
    ready, go = threading.Barrier(writers + 1), threading.Event()

    def run() -> None:
        made(0)
        ready.wait()
        go.wait()
        for number in range(each):
            made(number)

    threads = [threading.Thread(target=run) for _ in range(writers)]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.perf_counter()
    go.set()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def _in_processes(work: Callable[[], Work], writers: int, each: int) -> float:
    go_read, go_write = os.pipe()
    ready_read, ready_write = os.pipe()
    children = []
    for _ in range(writers):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                made = work()
                made(0)
                os.write(ready_write, b"r")
                os.read(go_read, 1)
                for number in range(each):
                    made(number)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    ready = 0
    while ready < writers:
        ready += len(os.read(ready_read, writers))
    began = time.perf_counter()
    os.write(go_write, b"g" * writers)
    ended = [os.waitpid(child, 0)[1] for child in children]
    seconds = time.perf_counter() - began
    for end in (go_read, go_write, ready_read, ready_write):
        os.close(end)
    if any(ended):
        raise RuntimeError("a writer failed")
    return seconds


@contextmanager
def database(name: str, folder: str) -> Iterator[str | None]:
    """Address of an empty database; None where no server answers."""
    if name == "SQLite":
        yield f"sqlite:///{folder}/l.db"
        return
    import psycopg2

    made = f"clinical_bench_{uuid4().hex[:12]}"
    try:
        server = psycopg2.connect(f"{POSTGRESQL}/postgres", connect_timeout=3)
    except psycopg2.OperationalError:
        yield None
        return
    server.autocommit = True
    with server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {made}")
    try:
        yield f"{POSTGRESQL}/{made}"
    finally:
        with server.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {made} WITH (FORCE)")
        server.close()
