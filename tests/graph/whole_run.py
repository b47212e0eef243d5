"""A store of its own and whole runs in it: real Dagster, MLflow, lake, snapshots and packages.

What belongs here: making, copying and damaging stores, running a model or some of its assets, and
looking at what remains. What does not: any expectation; those are the tests'.
"""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetCheckSeverity, AssetKey, Definitions

from clinical_assets.canonical import sha256
from clinical_assets.definitions import build_defs
from clinical_assets.demonstration import demonstrate
from clinical_assets.evidence.package_record import CandidateHistory, ReleaseRecord
from clinical_assets.evidence.release import GateEvidence
from clinical_assets.evidence.sources import count_rows
from clinical_assets.keys import gate_keys
from clinical_assets.lifecycle.build import build_assets
from clinical_assets.modelling.spec import ClinicalModel
from clinical_assets.runs import Runner, RunReport
from resources.build import build_resources
from resources.dagster_instance.home import dagster_instance
from resources.evidence import EvidenceReader
from resources.ledger import Ledger, open_ledger
from resources.mlflow_registry import Registry
from resources.recorded.registry import RecordedRegistry
from resources.settings import Settings
from resources.snapshot_store import SnapshotStore
from tests.graph.small_model import MODEL

ROOT = Path(__file__).resolve().parents[2]
RAW = ROOT / "data/raw/pima"


@dataclass(frozen=True)
class Store:
    """One installation in a temporary folder."""

    folder: Path

    @property
    def settings(self) -> Settings:
        """Everything below the folder; the register is its own where the test wrote one."""
        own = self.folder / "register/sources.toml"
        register = own if own.exists() else ROOT / "data/sources.toml"
        return Settings.load(store=self.folder, sources=register, models=())

    @property
    def registry(self) -> Registry:
        """The registry on this store's MLflow."""
        return Registry(self.settings.mlflow_tracking_uri, self.settings.mlflow_artifacts)

    def definitions(self, spec: ClinicalModel = MODEL) -> Definitions:
        """The graph of one model over this store."""
        return build_defs(self.settings, [spec])

    @property
    def recorded_registry(self) -> RecordedRegistry:
        """The same, its releases written into the ledger."""
        settings = self.settings
        uri, artifacts = settings.mlflow_tracking_uri, settings.mlflow_artifacts
        return RecordedRegistry(uri, artifacts, self.ledger)

    @property
    def ledger(self) -> Ledger:
        """The ledger of this store."""
        return open_ledger(self.settings)

    def run(self, spec: ClinicalModel = MODEL, *, sign: bool = True) -> RunReport:
        """The model's jobs in this process with generated signers, as `clinical demo` runs them."""
        settings = self.settings
        snapshots = SnapshotStore(settings.snapshots_url)
        with dagster_instance(settings) as instance:
            runner = Runner(
                self.definitions(spec), instance, self.registry, snapshots, lambda step: None
            )
            return demonstrate(runner, spec, self.ledger, settings.keys, sign=sign)

    def materialize(self, *assets: str, spec: ClinicalModel = MODEL, gates: bool = True) -> str:
        """Some assets with their gates, as a person picks them in the UI; the failure's words.

        Args:
            gates: False leaves the gates out, as a person can in the UI, too.
        """
        definitions = self.definitions(spec)
        if not gates:
            definitions = Definitions(build_assets(spec), resources=build_resources(self.settings))
        job = definitions.resolve_implicit_global_asset_job_def()
        keys = [AssetKey([spec.name, asset]) for asset in assets]
        with dagster_instance(self.settings) as instance:
            result = job.execute_in_process(
                instance=instance,
                asset_selection=keys,
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        refused = [
            f"Gate {found.check_name} refused: {found.description}"
            for found in result.get_asset_check_evaluations()
            if not found.passed and found.severity is AssetCheckSeverity.ERROR
        ]
        failed = [_words(e.step_failure_data) for e in result.all_events if e.is_step_failure]
        ended = [_words(e.job_failure_data) for e in result.all_events if e.is_job_failure]
        said = " ".join([*(failed or ended), *refused])
        assert result.success == (not said), said
        return said

    def gates(self, model: str = MODEL.name) -> Mapping[str, GateEvidence]:
        """The newest decision of each gate, by its name."""
        with dagster_instance(self.settings) as instance:
            found = EvidenceReader(instance).gates(gate_keys(model))
        return {gate.gate: gate for gate in found}

    def champion(self, model: str = MODEL.name) -> ReleaseRecord | None:
        """The release in force."""
        return self.registry.champion(model)

    def history(self, model: str = MODEL.name) -> list[CandidateHistory]:
        """Every candidate, newest first."""
        return self.registry.history(model)

    def package_folder(self, release: ReleaseRecord) -> Path:
        """Where a released package lies."""
        name = f"{release.version}-{release.package_sha256[:8]}"
        return self.settings.packages / release.model / name

    def leftovers(self) -> list[str]:
        """Unfinished files and folders: what a reader must never meet."""
        return sorted(
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if path.name.startswith(".partial-") or path.parent.name == ".incoming"
        )

    def mentions(self, text: str) -> list[str]:
        """Files that hold ``text`` outside of the data itself: databases, logs, packages, keys."""
        wanted = text.encode()
        return sorted(
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if path.is_file()
            and path.relative_to(self.folder).parts[0] not in ("lake", "snapshots", "register")
            and wanted in path.read_bytes()
        )

    def sql(self, database: str, statement: str) -> None:
        """One statement on one of the store's SQLite files: a fault, or a meddler's hand."""
        with closing(sqlite3.connect(self.folder / database)) as connection:
            connection.execute(statement)
            connection.commit()

    def copy(self, folder: Path) -> "Store":
        """The same store in another place; the places that MLflow wrote down follow."""
        shutil.copytree(self.folder, folder)
        (folder / "dagster/dagster.yaml").unlink()
        copied = Store(folder)
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            moved = f"replace({column}, '{self.folder}', '{folder}')"
            copied.sql("mlflow/mlflow.db", f"UPDATE {table} SET {column} = {moved}")
        return copied

    def register(self, change: Callable[[dict[str, bytes]], None]) -> None:
        """A register of this store's own: the Pima files as ``change`` leaves them, with the
        hashes and row counts that they then have, so that they get past the register."""
        folder = self.folder / "register"
        text = (ROOT / "data/sources.toml").read_text()
        files = {path.name: path.read_bytes() for path in sorted(RAW.glob("*.csv"))}
        published = dict(files)
        change(files)
        (folder / "raw/pima").mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            rows = count_rows(published[name], header=True)
            text = text.replace(sha256(published[name]), sha256(data))
            if data != published[name]:
                now = max(1, count_rows(data, header=True))
                text = text.replace(
                    f'sha256 = "{sha256(data)}", rows = {rows}',
                    f'sha256 = "{sha256(data)}", rows = {now}',
                )
            (folder / "raw/pima" / name).write_bytes(data)
        (folder / "sources.toml").write_text(text)

    def unregister(self) -> None:
        """Back to the published files."""
        shutil.rmtree(self.folder / "register")


@contextmanager
def mounted(folder: Path | None, place: Path, options: str) -> Iterator[Path]:
    """``folder`` seen at ``place`` under other options, or a new tmpfs where it is None.

    The test is skipped where mounting is denied.
    """
    place.mkdir()
    kind = ["-t", "tmpfs", "tmpfs"] if folder is None else ["--bind", str(folder)]
    first = "rw" if folder is not None else options
    done = subprocess.run(["mount", "-o", first, *kind, str(place)], capture_output=True)
    if done.returncode != 0:
        pytest.skip("a file system cannot be mounted here: the fault was not tried")
    try:
        if folder is not None:
            again = f"remount,bind,{options}"
            subprocess.run(["mount", "-o", again, str(place)], check=True)
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def _words(data: Any) -> str:
    """The innermost message of a failed step or run."""
    described = getattr(data, "user_failure_data", None)
    if described is not None and described.description:
        return str(described.description)
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return "failed" if error is None else error.message.strip().split("ClinicalError: ")[-1]
