"""An installation with every recorded store, the acts that change it, and its database's faults.

Run as a module it leaves acts without outcome and is killed, as by a power failure.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import text

from clinical_assets.canonical import canonical_json
from clinical_assets.ledger.actions import Launch
from clinical_assets.ledger.entry import Act, Entry, Subject, read_entry
from resources.ledger import Ledger, open_ledger
from resources.recorded.lake import RecordedLake
from resources.recorded.packages import RecordedPackages
from resources.recorded.registry import RecordedRegistry
from resources.recorded.snapshots import RecordedSnapshots
from resources.recorded.sources import RecordedSources
from resources.settings import Settings
from tests.unit.evidence.example_spec import spec
from tests.unit.evidence.examples import candidate
from tests.unit.evidence.package_examples import example_files
from tests.unit.resources.small_store import settings_of

ROOT = Path(__file__).resolve().parents[3]
ROWS = pl.DataFrame({"row": [1, 2, 3]})
SOURCE = "pima-ripley"
FILES = {"before": "pima_train.csv", "after": "pima_test.csv"}


@dataclass(frozen=True)
class Installation:
    """Every recorded store below a folder, over one ledger."""

    folder: Path
    ledger_url: str = ""

    @cached_property
    def settings(self) -> Settings:
        return settings_of(self.folder, self.ledger_url)

    @property
    def ledger(self) -> Ledger:
        return open_ledger(self.settings)

    @property
    def lake(self) -> RecordedLake:
        return RecordedLake(self.settings.lake_url, None, self.ledger)

    @property
    def snapshots(self) -> RecordedSnapshots:
        return RecordedSnapshots(self.settings.snapshots_url, None, self.ledger)

    @property
    def packages(self) -> RecordedPackages:
        return RecordedPackages(self.settings.packages, self.settings.keys, self.ledger)

    @property
    def registry(self) -> RecordedRegistry:
        settings = self.settings
        return RecordedRegistry(
            settings.mlflow_tracking_uri, settings.mlflow_artifacts, self.ledger
        )

    @property
    def sources(self) -> RecordedSources:
        return RecordedSources(ROOT / "data/sources.toml", self.snapshots, self.ledger)

    def with_mlflow(self, database: Path, *models: str) -> "Installation":
        """MLflow's tables, and a training of each model that a release can point to."""
        from mlflow import MlflowClient

        place = self.settings.store / "mlflow"
        place.mkdir(exist_ok=True)
        shutil.copy(database, place / "mlflow.db")
        registry = self.registry
        client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
        for model in models:
            tags = {"clinical.model": model, "clinical.version": "1.0.0+a"}
            client.create_run(registry.prepare(), tags=tags)
        return self

    def changes(self, name: str) -> dict[str, Callable[[], Any]]:
        """By action, what changes each store; subjects bear ``name``: before, or after."""
        files = example_files(**{"candidate.json": canonical_json(candidate(spec()))})
        path = ROOT / "data/raw/pima" / FILES[name]
        return {
            "table.written": lambda: self.lake.write(f"m/{name}", ROWS),
            "snapshot.written": lambda: self.snapshots.put(name.encode()),
            "package.built": lambda: self.packages.keep(
                files, model=name, version="1.0.0+a", entry_point="m.spec:MODEL"
            ),
            "registry.changed": lambda: self.registry.release(
                name, "1.0.0+a", name[0] * 64, "0" * 64
            ),
            "source.added": lambda: self.sources.add(SOURCE, path),
        }

    def files(self) -> list[str]:
        """What lies in lake, snapshots and packages."""
        places = [self.folder / name for name in ("lake", "snapshots", "packages")]
        found = [path for place in places for path in place.rglob("*") if path.is_file()]
        return sorted(str(path.relative_to(self.folder)) for path in found)

    def entries(self, first: int = 0) -> list[Entry]:
        """Every entry from ``first`` on."""
        return [read_entry(row.body) for row in self.ledger.reader.rows(first)]

    def told(self, first: int) -> list[tuple[str, str]]:
        """Action and outcome of each entry from ``first`` on."""
        return [(entry.act.action, entry.act.outcome) for entry in self.entries(first)]

    def size(self) -> int:
        return self.ledger.store.head().size

    @contextmanager
    def refusing(self, condition: str = "1") -> Iterator[None]:
        """Within, the ledger's table refuses entries of this condition."""
        refusal = "BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"
        trigger = f"BEFORE INSERT ON ledger_entries WHEN {condition} {refusal}"
        self._execute(f"CREATE TRIGGER faulty {trigger}")
        try:
            yield
        finally:
            self._execute("DROP TRIGGER faulty")

    def _execute(self, statement: str) -> None:
        _ = self.ledger.store.origin
        with self.ledger.store.engine.writing() as transaction:
            transaction.connection.execute(text(statement))


class KilledError(BaseException):
    """Stands for the end of the process until it comes."""


def leave_open(place: Installation, patch: pytest.MonkeyPatch, *runs: str) -> None:
    """Each change, once ended before it is made and once after; and runs that were asked for."""
    store = place.ledger.store
    append = store.append
    moment = "before"

    def until(acts: Sequence[Act]) -> tuple[Entry, ...]:
        if acts[0].outcome != "intended":
            raise KilledError
        written = append(acts)
        if moment == "before":
            raise KilledError
        return written

    asked = Launch("nothing")
    intended = [
        place.ledger.act("run.requested", Subject("run", run), asked, outcome="intended")
        for run in runs
    ]
    append(intended)
    patch.setattr(store, "append", until)
    for moment in ("before", "after"):
        for change in place.changes(moment).values():
            try:
                change()
            except KilledError:
                continue
            raise AssertionError("it was not interrupted")


if __name__ == "__main__":
    leave_open(Installation(Path(sys.argv[1])), pytest.MonkeyPatch(), *sys.argv[2:])
    sys.stdout.write("left\n")
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)
