"""The restore drill: a backup is put back for trial, and everything in it is read.

What belongs here: restoring into a temporary folder and reading all of it as the software would
(P11-03: retrievable; HIP-15: tested). What does not: restoring in earnest (:mod:`.restoring`).
Nothing is appended to the trial's ledger and no private key is used; the caller records the result
in the installation's own ledger.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.backup_manifest import BackupManifest, content_sha256
from clinical_assets.ledger.actions import Drilled
from clinical_assets.ledger.checkpoint import PublicKey, SigningKey
from clinical_assets.ledger.entry import read_entry
from clinical_assets.ledger.verification import verify_ledger
from resources.backups.files import file_sha256
from resources.backups.reader import (
    demand_good,
    is_database,
    package_folders,
    package_problems,
    verify_backup,
)
from resources.backups.restoring import put_back
from resources.delta.lake import Lake
from resources.ledger_database.copy import LedgerCopy, copy_ledger, load_ledger
from resources.ledger_database.reader import LedgerReader
from resources.ledger_database.store import LedgerStore
from resources.settings import Settings

_COMMIT = re.compile(r"lake/(.+)/_delta_log/\d{20}\.json")


@dataclass(frozen=True, slots=True)
class Drill:
    """What a drill found: the record for the ledger, and what did not come back as it was."""

    record: Drilled
    problems: tuple[str, ...]


def drill_backup(settings: Settings, folder: Path, trial: Path, keys: Sequence[PublicKey]) -> Drill:
    """Restores the backup ``folder`` into the empty folder ``trial`` and reads everything.

    Args:
        settings: the installation's; nothing of it but keys is used.
        keys: who is trusted to have signed the backup; the backup's own keys for none.

    Raises:
        ClinicalError: the backup does not verify, or the trial's folder cannot be written.
    """
    began = time.monotonic()
    report = verify_backup(folder, keys)
    manifest = demand_good(report)
    copy = report.copy
    place = trial_settings(settings, trial)
    place.prepare()
    load_ledger(place.ledger_url, copy)
    put_back(place, folder, manifest)
    problems, digests = _ledger(place, trial, copy)
    for path in manifest.files:
        restored = _restored(place, folder, path)
        if not path.startswith("ledger/") and restored.is_file():
            digests[path] = file_sha256(restored)
    stated = {path: file.sha256 for path, file in manifest.files.items()}
    if digests != stated:
        changed = sorted(p for p in digests | stated if digests.get(p) != stated.get(p))
        problems.append(f"{len(changed)} file(s) are not what they were, the first: {changed[0]}")
    problems += package_problems(place.packages)
    versions, unreadable = _tables(place, manifest, copy)
    problems += unreadable
    record = Drilled(
        size=manifest.size,
        root=manifest.root,
        files=len(manifest.files),
        bytes=sum(file.bytes for file in manifest.files.values()),
        snapshots=sum(path.startswith("snapshots/") for path in manifest.files),
        packages=len(package_folders(place.packages)),
        table_versions=versions,
        databases=sum(map(is_database, manifest.files)),
        before_sha256=manifest.content_sha256,
        after_sha256=content_sha256(digests),
        milliseconds=round((time.monotonic() - began) * 1000),
        problems=len(problems),
    )
    return Drill(record, tuple(problems))


def trial_settings(settings: Settings, trial: Path) -> Settings:
    """An installation that lies in ``trial`` alone, whatever the environment says."""
    return settings.model_copy(
        update={
            "store": trial,
            "lake_url": str(trial / "lake"),
            "snapshots_url": str(trial / "snapshots"),
            "packages": trial / "packages",
            "keys": trial / "keys",
            "ledger_url": f"sqlite:///{trial / 'ledger' / 'ledger.db'}",
            "mlflow_tracking_uri": f"sqlite:///{trial / 'mlflow' / 'mlflow.db'}",
            "mlflow_artifacts": str(trial / "mlflow" / "artifacts"),
            "dagster_home": trial / "dagster",
        }
    )


@dataclass(frozen=True, slots=True)
class _NoKeys:
    """Public keys only: a trial signs nothing."""

    public: Sequence[PublicKey]

    def signing(self, name: str) -> SigningKey:
        """No key."""
        raise ClinicalError(
            "A trial signs nothing", where=name, repair="Report this as a defect of the software"
        )

    def withdrawn(self) -> Sequence[PublicKey]:
        """None: a copy holds no checkpoint that only such a key signed."""
        return ()

    def trusted(self) -> Sequence[PublicKey]:
        """The keys of the backup."""
        return self.public


def _ledger(place: Settings, trial: Path, copy: LedgerCopy) -> tuple[list[str], dict[str, str]]:
    """The restored database is read, verified, and copied out again: the same files must come."""
    store = LedgerStore(place.ledger_url, _NoKeys(copy.keys))
    reader = LedgerReader(store)
    notes = [*reader.notes(), store.head().note]
    report = verify_ledger(copy.origin, reader.rows(), notes, copy.keys)
    problems = [f"Ledger: {problem}" for problem in report.problems]
    again = trial / "ledger-again"
    again.mkdir()
    copy_ledger(store, again)
    store.engine.close()
    return problems, {f"ledger/{path.name}": file_sha256(path) for path in sorted(again.iterdir())}


def _restored(place: Settings, folder: Path, path: str) -> Path:
    """Where a file of the backup lies in the trial; what is not put back is read where it lies."""
    name, _, below = path.partition("/")
    places = {
        "lake": Path(place.lake_url),
        "snapshots": Path(place.snapshots_url),
        "packages": place.packages,
        "mlflow": place.store / "mlflow",
        "dagster": place.dagster_home,
    }
    return places[name] / below if name in places else folder / path


def _tables(place: Settings, manifest: BackupManifest, copy: LedgerCopy) -> tuple[int, list[str]]:
    """Reads every version of every table that was not purged: how many, and what did not hold."""
    tables = sorted({found[1] for path in manifest.files if (found := _COMMIT.fullmatch(path))})
    purged = _purged(copy) if tables else set()
    lake = Lake(place.lake_url)
    count, problems = 0, []
    for table in tables:
        try:
            kept = [c for c in lake.history(table) if f"{table}@{c.pin.version}" not in purged]
            covered = set()
            for commit in kept:  # the newest first: reading it reads what it was appended to
                count += 1
                if commit.pin.version not in covered:
                    lake.read(table, commit.pin)
                    covered |= set(range(commit.record.base, commit.pin.version))
        except ClinicalError as error:
            problems.append(str(error))
    return count, problems


def _purged(copy: LedgerCopy) -> set[str]:
    mark = b'"action":"retention.purged"'
    entries = (read_entry(row.body) for row in copy.rows() if mark in row.body)
    return {e.act.subject.id for e in entries if e.act.subject.kind == "table"}
