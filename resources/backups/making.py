"""Making a backup: one folder that holds an installation's records, and proves that it does.

What belongs here: what is copied, in which order, and when it counts as made. What does not: one
file (:mod:`.files`), the ledger's form (:mod:`resources.ledger_database.copy`), reading backups
(:mod:`.reader`). Clauses: P11-03, HIP-15.

Nothing is locked while the stores are copied; the order makes it consistent. First the databases of
MLflow and Dagster: what they claim, the ledger has recorded by the time that it is copied. Then the
ledger. Last the files, written once and never changed: what the ledger says was stored is there
when they are copied. What is stored later comes along without being named, and harms nothing.

The folder is written aside and renamed when all of it is on disk and its manifest is signed; a
backup that was interrupted has no name and no manifest. Private keys never enter it.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.backup_manifest import (
    FORMAT,
    MANIFEST,
    NOTE,
    BackupFile,
    BackupManifest,
    note_origin,
    parse_backup_manifest,
)
from clinical_assets.ledger.actions import Covering
from clinical_assets.ledger.checkpoint import Checkpoint, read, sign
from clinical_assets.ledger.entry import Subject, time_text
from resources.backups.files import Copier, StoredFile, copy_sqlite, stored_files
from resources.backups.reader import content_problems
from resources.blobs import disk_faults, flush
from resources.ledger import Ledger
from resources.ledger_database.copy import copy_ledger
from resources.maintenance import maintaining
from resources.settings import Settings

_PARTIAL = ".partial-backup-"
_LEFTOVER_SECONDS = 86_400
PUBLIC_KEY_FILES = ("*.pub.pem", "trusted/*.pem", "ledger-*/*.vkey")


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made: its manifest, the manifest's SHA-256, how much was only linked."""

    folder: Path
    manifest: BackupManifest
    sha256: str
    linked: int


def make_backup(
    settings: Settings, ledger: Ledger, folder: Path, *, previous: Path | None = None
) -> Made:
    """Copies everything into ``folder``, which must not exist; recorded as ``backup.made``.

    Args:
        previous: an earlier backup on the same file system: what is unchanged is linked to it.

    Raises:
        ClinicalError: the folder is there, a store cannot be read, the ledger does not verify, or
            the disk refuses. No backup is left then.
    """
    folder = folder.absolute()
    if folder.exists():
        raise ClinicalError(
            "There is something already where the backup would be written",
            where=str(folder),
            repair="Name a folder that does not exist yet, one for each backup",
        )
    known = _known(previous) if previous is not None else {}
    about = Subject("backup", folder.name)
    with (
        maintaining(settings),
        ledger.doing("backup.made", about, Covering(0, "", str(folder))) as doing,
    ):
        with disk_faults(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            _sweep(folder.parent)
            draft = folder.with_name(f"{_PARTIAL}{uuid4().hex}")
            draft.mkdir(mode=0o700)
        try:
            copier = Copier(draft, previous, known)
            made = _fill(settings, ledger, copier)
            with disk_faults(folder):
                _sync(draft)
                draft.rename(folder)
                flush(folder.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        doing.subject = replace(about, sha256=made.sha256)
        doing.details = Covering(made.manifest.size, made.manifest.root, str(folder))
    return replace(made, folder=folder)


def _fill(settings: Settings, ledger: Ledger, copier: Copier) -> Made:
    store = ledger.store
    with store.engine.reading() as connection:
        made_at = time_text(store.engine.now(connection))
    left_out = [*_mlflow(settings, copier), *_dagster(settings, copier)]
    copied = copy_ledger(store, copier.place("ledger/x").parent)
    for path in sorted(copied.folder.iterdir()):
        copier.adopt(f"ledger/{path.name}")
    left_out += _contents(settings, copier)
    _public_keys(settings, copier)
    if problems := content_problems(copier.target, copier.files):
        raise ClinicalError(
            f"A store is damaged ({len(problems)} found), so no backup is made: {problems[0]}",
            where=str(settings.store),
            repair="Keep what is damaged for the investigation, move it away and restore it from"
            " the last good backup",
        )
    head = read(copied.head)
    manifest = BackupManifest(
        format=FORMAT,
        made_at=made_at,
        software=store.software,
        origin=head.origin,
        size=head.size,
        root=head.root.hex(),
        files=dict(sorted(copier.files.items())),
        left_out=tuple(left_out),
    )
    data = manifest.to_bytes()
    digest = hashlib.sha256(data)
    about = Checkpoint(note_origin(head.origin), head.size, digest.digest())
    note = sign(about, [store.keys.signing(head.origin)])
    with disk_faults(copier.target):
        (copier.target / NOTE).write_text(note, encoding="utf-8")
        (copier.target / MANIFEST).write_bytes(data)
    return Made(copier.target, manifest, digest.hexdigest(), copier.linked)


def _mlflow(settings: Settings, copier: Copier) -> list[str]:
    uri = settings.mlflow_tracking_uri
    if not uri.startswith("sqlite:///"):
        return ["MLflow's database is a server's: back it up with the server's own tools"]
    database = Path(uri.removeprefix("sqlite:///"))
    if database.is_file():
        _database(copier, "mlflow/mlflow.db", database)
    return []


def _dagster(settings: Settings, copier: Copier) -> list[str]:
    home = settings.dagster_home
    for found in stored_files(str(home), {}):
        if found.local is None or found.path.endswith(("-wal", "-shm", "-journal", ".lock")):
            continue
        if found.path.endswith(".db"):
            _database(copier, f"dagster/{found.path}", found.local)
        else:
            copier.add(f"dagster/{found.path}", found)
    return _own_dagster(settings, home / "dagster.yaml")


def _own_dagster(settings: Settings, configuration: Path) -> list[str]:
    with suppress(OSError, ValueError):
        text = configuration.read_text(encoding="utf-8")
        from resources.dagster_instance.home import embedded_configuration, ledger_configuration

        ours = embedded_configuration(configuration.parent, ledger_configuration(settings))
        if json.loads(text) != ours:
            raise ValueError
        return []
    if not configuration.exists():
        return []
    return [
        "Dagster runs on a configuration of your own: only what lies in its folder is in here; back"
        " up a database that it names with the server's own tools"
    ]


def _contents(settings: Settings, copier: Copier) -> list[str]:
    options = settings.s3_options
    # A commit is copied before the files that it names: these are on disk already.
    for part in (_is_log, lambda path: not _is_log(path)):
        _all(copier, "lake", stored_files(settings.lake_url, options), part)
    _all(copier, "snapshots", stored_files(settings.snapshots_url, options))
    _all(copier, "packages", stored_files(str(settings.packages), {}, hidden_parts=2))
    artifacts = settings.mlflow_artifacts
    if "://" in artifacts:
        return ["MLflow's files lie on a server: back them up there"]
    _all(copier, "mlflow/artifacts", stored_files(artifacts, {}))
    return []


def _is_log(path: str) -> bool:
    return "/_delta_log/" in f"/{path}"


def _all(
    copier: Copier,
    name: str,
    files: Iterator[StoredFile],
    wanted: Callable[[str], bool] = lambda _: True,
) -> None:
    for stored in files:
        # Delta's hint at the newest checkpoint may be newer than what was listed.
        if wanted(stored.path) and not stored.path.endswith("/_last_checkpoint"):
            copier.add(f"{name}/{stored.path}", stored)


def _database(copier: Copier, path: str, source: Path) -> None:
    copy_sqlite(source, copier.place(path))
    copier.adopt(path)


def _public_keys(settings: Settings, copier: Copier) -> None:
    for pattern in PUBLIC_KEY_FILES:
        for path in sorted(settings.keys.glob(pattern)):
            with disk_faults(path):
                data = path.read_bytes()
            if b"PRIVATE" in data:
                raise ClinicalError(
                    "A private key lies where only public keys belong",
                    where=path.relative_to(settings.keys).as_posix(),
                    repair="Move it away and replace the key, if others could have read it",
                )
            name = path.relative_to(settings.keys).as_posix()
            copier.add(f"keys/{name}", StoredFile(name, path))


def _known(previous: Path) -> dict[str, BackupFile]:
    try:
        data = (previous / MANIFEST).read_bytes()
    except OSError as error:
        raise ClinicalError(
            "The previous backup cannot be read",
            where=str(previous),
            repair="Name the folder of a backup, or leave --previous out",
        ) from error
    return dict(parse_backup_manifest(data).files)


def _sweep(parent: Path) -> None:
    """Removes what killed backups left; younger than a day it may be another one under way."""
    for leftover in parent.glob(f"{_PARTIAL}*"):
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _LEFTOVER_SECONDS:
                shutil.rmtree(leftover, ignore_errors=True)


def _sync(folder: Path) -> None:
    for where, _, files in os.walk(folder, topdown=False):
        for name in files:
            flush(Path(where) / name)
        flush(Path(where))
