"""A small real installation for the tests of purging and backups: every store holds something."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from clinical_assets.evidence.package_record import PackageRecord
from clinical_assets.ledger.actions import Bytes, Rows
from clinical_assets.ledger.entry import Subject
from resources import ledger as ledger_module
from resources.delta.lake import Lake
from resources.ledger import Ledger, open_ledger
from resources.package_store import PackageStore
from resources.settings import Settings
from resources.snapshot_store import SnapshotStore
from tests.unit.evidence.package_examples import example_files

POSTGRESQL = "postgresql://postgres@127.0.0.1:5432"


def settings_of(store: Path, ledger_url: str = "", keys: Path | None = None) -> Settings:
    """Settings of an installation below ``store``, whatever the environment says."""
    found = Settings.load(
        store=store,
        lake_url=str(store / "lake"),
        snapshots_url=str(store / "snapshots"),
        packages=store / "packages",
        keys=keys or store / "keys",
        mlflow_tracking_uri=f"sqlite:///{store}/mlflow/mlflow.db",
        mlflow_artifacts=str(store / "mlflow/artifacts"),
        dagster_home=store / "dagster",
        ledger_url=ledger_url or f"sqlite:///{store}/ledger/ledger.db",
    )
    found.prepare()
    return found


def database(path: Path, words: str) -> None:
    """A SQLite database in WAL mode with one row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA journal_mode=WAL")
        opened.execute("CREATE TABLE t (words TEXT)")
        opened.execute("INSERT INTO t VALUES (?)", (words,))
        opened.commit()


def words_in(path: Path) -> str:
    """The row of :func:`database`."""
    with closing(sqlite3.connect(path)) as opened:
        return str(opened.execute("SELECT words FROM t").fetchone()[0])


def frame(first: int) -> pl.DataFrame:
    """Three rows."""
    return pl.DataFrame({"row": [first, first + 1, first + 2]})


def fill(settings: Settings) -> tuple[Ledger, PackageRecord, str]:
    """Puts something into every store and writes it down; ledger, package, snapshot."""
    ledger = open_ledger(settings)
    snapshot = SnapshotStore(settings.snapshots_url).put(b"a file of long ago")
    about = Subject("snapshot", snapshot, sha256=snapshot)
    ledger.record("snapshot.written", about, Bytes(18))
    lake = Lake(settings.lake_url)
    for write, first in ((lake.write, 0), (lake.append, 3), (lake.write, 6), (lake.append, 9)):
        pin = write("m/table", frame(first))
        about = Subject("table", pin.table, str(pin.version), pin.sha256)
        ledger.record("table.written", about, Rows(pin.rows, ("row",)))
    package = PackageStore(settings.packages, settings.keys).keep(
        example_files(), model="m", version="1.0.0+a", entry_point="m.spec:MODEL"
    )
    about = Subject("package", package.folder, package.version, package.digest)
    ledger.record("package.built", about, Bytes(package.size))
    database(settings.store / "mlflow/mlflow.db", "mlflow")
    database(settings.dagster_home / "storage/runs.db", "dagster")
    (settings.store / "mlflow/artifacts/1").mkdir(parents=True)
    (settings.store / "mlflow/artifacts/1/card.md").write_text("card")
    ledger.store.checkpoint()
    return ledger, package, snapshot


@dataclass(frozen=True)
class Filled:
    """A filled installation that nobody uses, to be copied: making one takes a second."""

    store: Path
    package: PackageRecord
    snapshot: str


def filled_store(store: Path) -> Filled:
    """A new one below ``store``."""
    settings = settings_of(store)
    ledger, package, snapshot = fill(settings)
    ledger.store.engine.close()
    ledger_module._opened.clear()
    return Filled(store, package, snapshot)


def postgresql_database(name: str) -> str:
    """The address of an empty database of this name; skips the test where there is no server."""
    import psycopg2

    try:
        connection = psycopg2.connect(f"{POSTGRESQL}/postgres", connect_timeout=3)
    except psycopg2.OperationalError:
        pytest.skip("no PostgreSQL answers at 127.0.0.1:5432: not tried on PostgreSQL")
    connection.autocommit = True
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}"')
    return f"{POSTGRESQL}/{name}"


def drop_database(name: str) -> None:
    """Takes it away again, where there is a server."""
    import psycopg2

    try:
        connection = psycopg2.connect(f"{POSTGRESQL}/postgres", connect_timeout=3)
    except psycopg2.OperationalError:
        return
    connection.autocommit = True
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
