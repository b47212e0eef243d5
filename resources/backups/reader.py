"""Reading a backup: is it whole, unchanged, of whom, and does its ledger hold? Works offline.

What belongs here: verification from the folder alone. What does not: making (:mod:`.making`) and
restoring (:mod:`.restoring`). Every fault is a finding in the report (P11-01, HIP-15).
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.backup_manifest import (
    MANIFEST,
    NOTE,
    UNLISTED,
    BackupFile,
    BackupManifest,
    note_origin,
    parse_backup_manifest,
)
from clinical_assets.ledger.checkpoint import PublicKey, read, verify
from resources.backups.files import file_sha256, sqlite_problem
from resources.ledger_database.copy import LedgerCopy, open_copy

_MOST = 20


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What was found in a backup.

    Attributes:
        folder: the backup.
        manifest: what it says it consists of; None where there is no usable one.
        sha256: of the manifest; the ledger's entry ``backup.made`` names it.
        established: whether keys that the reader trusts were handed in; else the backup's own keys
            are believed, and nothing but the backup says who made it.
        problems: everything that fails it, one sentence each; at most some of each sort.
    """

    folder: Path
    manifest: BackupManifest | None
    sha256: str
    established: bool
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whole, unchanged, signed, and its ledger verifies."""
        return self.manifest is not None and not self.problems

    @property
    def copy(self) -> LedgerCopy:
        """The ledger in it."""
        return open_copy(self.folder / "ledger")


def verify_backup(folder: Path, keys: Sequence[PublicKey] = ()) -> BackupReport:
    """Reads every file of a backup and holds it against manifest, signature and ledger.

    Args:
        keys: public keys that are trusted to have signed the ledger and the manifest.
    """
    try:
        data = (folder / MANIFEST).read_bytes()
        manifest = parse_backup_manifest(data)
    except OSError as error:
        reason = f"There is no backup here: {MANIFEST} cannot be read ({error.strerror})"
        return BackupReport(folder, None, "", bool(keys), (reason,))
    except ClinicalError as error:
        return BackupReport(folder, None, "", bool(keys), (str(error),))
    digest = sha256(data)
    problems = _files(folder, manifest)
    problems += _ledger(folder, manifest, digest, keys)
    if not problems:
        problems += content_problems(folder, manifest.files)
    return BackupReport(folder, manifest, digest, bool(keys), tuple(problems))


def demand_good(report: BackupReport) -> BackupManifest:
    """The manifest of a backup that passed.

    Raises:
        ClinicalError: it did not.
    """
    if report.manifest is None or not report.passed:
        raise ClinicalError(
            "The backup does not verify: " + "; ".join(report.problems[:3]),
            where=str(report.folder),
            repair="Nothing was restored; `clinical backup verify` lists everything; take another"
            " backup",
        )
    return report.manifest


def _files(folder: Path, manifest: BackupManifest) -> list[str]:
    there = {}
    for where, names, files in os.walk(folder):
        for name in files + [n for n in names if (Path(where) / n).is_symlink()]:
            path = Path(where) / name
            there[path.relative_to(folder).as_posix()] = path
    found = _listed("is missing", sorted(set(manifest.files) - set(there)))
    found += _listed("is not listed", sorted(set(there) - set(manifest.files) - set(UNLISTED)))
    return found + _listed("was changed", _changed(there, manifest))


def _changed(there: Mapping[str, Path], manifest: BackupManifest) -> list[str]:
    changed = []
    for path, stated in sorted(manifest.files.items()):
        if path not in there:
            continue
        try:
            good = not there[path].is_symlink() and file_sha256(there[path]) == stated.sha256
        except OSError:
            good = False
        if not good:
            changed.append(path)
    return changed


def _listed(what: str, paths: Sequence[str]) -> list[str]:
    more = [f"and {len(paths) - _MOST} more: each {what}"] if len(paths) > _MOST else []
    return [f"{path} {what}" for path in paths[:_MOST]] + more


def _ledger(
    folder: Path, manifest: BackupManifest, digest: str, given: Sequence[PublicKey]
) -> list[str]:
    try:
        copy = open_copy(folder / "ledger")
        keys = given or copy.keys
        note = (folder / NOTE).read_text(encoding="utf-8")
        signed = verify(note, keys)
    except (OSError, UnicodeDecodeError) as error:
        return [f"The manifest's signature cannot be read ({type(error).__name__})"]
    except ClinicalError as error:
        return [str(error)]
    found = []
    stated = (note_origin(manifest.origin), manifest.size, digest)
    if (signed.origin, signed.size, signed.root.hex()) != stated:
        found.append("The manifest is not the one that was signed")
    head = read(copy.head)
    if (head.origin, head.size, head.root.hex()) != (
        manifest.origin,
        manifest.size,
        manifest.root,
    ):
        found.append("The ledger is not the one that the manifest names")
    found += [f"Ledger: {problem}" for problem in copy.verified(keys).problems]
    return found


def content_problems(folder: Path, files: Mapping[str, BackupFile]) -> list[str]:
    """What digests of files alone do not tell: names of snapshots, databases, packages."""
    found = []
    for path, stated in files.items():
        store, _, rest = path.partition("/")
        name = rest.rpartition("/")[2]
        if store == "snapshots" and name != stated.sha256:
            found.append(f"{path} does not have the SHA-256 that it is stored under")
        if is_database(path) and (problem := sqlite_problem(folder / path)):
            found.append(f"{path} is a damaged database: {problem}")
    return found[:_MOST] + package_problems(folder / "packages")


def is_database(path: str) -> bool:
    """Whether a file of a backup is one of the SQLite databases of MLflow and Dagster."""
    return path == "mlflow/mlflow.db" or (path.startswith("dagster/") and path.endswith(".db"))


def package_problems(root: Path) -> list[str]:
    """What is wrong with the packages below ``root``: each is verified by its own signature."""
    from clinical_assets.evidence.verification import verify_package

    found = []
    for folder in package_folders(root):
        report = verify_package(folder)
        found += [f"Package {folder.name}: {problem}" for problem in report.problems[:3]]
    return found


def package_folders(root: Path) -> list[Path]:
    """The packages below ``root``."""
    return sorted(path for path in root.glob("[!.]*/[!.]*") if path.is_dir())
