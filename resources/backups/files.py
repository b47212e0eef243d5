"""Files of a backup: finding them in the stores, copying, hashing, linking to an earlier backup.

What belongs here: one file at a time. What does not: which stores, and in which order
(:mod:`.making`).
"""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.backup_manifest import BackupFile, is_safe
from resources.blobs import S3Blobs, disk_faults

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a store: its path below it, and either where it lies or how it is read."""

    path: str
    local: Path | None = None
    read: Callable[[], bytes | None] | None = None


@dataclass
class Copier:
    """Copies files into ``target`` and remembers what they are.

    Attributes:
        previous: folder of an earlier backup; a file that is the same there is linked, not copied.
        known: that backup's files.
    """

    target: Path
    previous: Path | None = None
    known: Mapping[str, BackupFile] = field(default_factory=dict)
    files: dict[str, BackupFile] = field(default_factory=dict)
    linked: int = 0

    def add(self, path: str, stored: StoredFile) -> None:
        """Copies one file of a store to ``path``.

        Raises:
            ClinicalError: it is gone, cannot be read, or has a name that no backup can hold.
        """
        if not is_safe(path):
            raise ClinicalError(
                "A file of the store has a name that no backup can hold",
                where=repr(path)[:160],
                repair="Move it out of the store; this software makes no such files",
            )
        if stored.local is not None and self._link(path, stored.local):
            return
        target = self.place(path)
        with disk_faults(target):
            if stored.local is not None:
                digest = _copied(stored.local, target)
            else:
                data = stored.read() if stored.read is not None else None
                if data is None:
                    raise _gone(path)
                target.write_bytes(data)
                digest = hashlib.sha256(data).hexdigest()
            self.files[path] = BackupFile(digest, target.stat().st_size)

    def adopt(self, path: str) -> None:
        """Takes in a file that was written at ``path`` of the backup itself."""
        target = self.target / path
        if self._link(path, target, replace=True):
            return
        with disk_faults(target):
            self.files[path] = BackupFile(file_sha256(target), target.stat().st_size)

    def place(self, path: str) -> Path:
        """Where ``path`` lies, its folder made."""
        target = self.target / path
        with disk_faults(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _link(self, path: str, source: Path, *, replace: bool = False) -> bool:
        """Whether the earlier backup has the same file, whole, and it could be linked."""
        before = self.known.get(path)
        if before is None or self.previous is None:
            return False
        earlier = self.previous / path
        try:
            if source.stat().st_size != before.bytes or file_sha256(source) != before.sha256:
                return False
            if file_sha256(earlier) != before.sha256:  # decayed there: copy it afresh
                return False
            target = self.place(path)
            if replace:
                target.unlink()
            os.link(earlier, target)
        except OSError:  # gone, or another file system
            return False
        self.files[path] = before
        self.linked += 1
        return True


def stored_files(
    url: str, options: Mapping[str, str], *, hidden_parts: int | None = None
) -> Iterator[StoredFile]:
    """Every file below a folder or ``s3://`` address, by path; unfinished ones are left out.

    Args:
        hidden_parts: names that begin with a dot mark what is unfinished; they are looked for in
            the first so many parts of a path, in all of them for None.
    """
    if url.startswith("s3://"):
        blobs = S3Blobs(url, options)
        for path in sorted(blobs.names()):
            if not _is_hidden(path, hidden_parts):
                yield StoredFile(path, read=partial(blobs.read, path))
        return
    root = Path(url)
    for folder, names, files in os.walk(root):
        names.sort()
        below = Path(folder).relative_to(root)
        for name in sorted(files):
            path = (below / name).as_posix()
            local = Path(folder) / name
            if not _is_hidden(path, hidden_parts) and local.is_file() and not local.is_symlink():
                yield StoredFile(path, local)


def copy_sqlite(source: Path, target: Path) -> None:
    """One state of a SQLite database that may be in use, in one file.

    Raises:
        ClinicalError: it cannot be read, or is damaged.
    """
    with disk_faults(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
            problem = _sqlite_problem(new)
    except sqlite3.Error as error:
        problem = str(error)
    if problem:
        raise ClinicalError(
            f"A database cannot be backed up: {problem}",
            where=source.name,
            repair="Stop what uses it, check the disk, then try again",
        )


def sqlite_problem(path: Path) -> str:
    """What is wrong with a SQLite file that nobody uses; empty if nothing."""
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as opened:
            return _sqlite_problem(opened)
    except sqlite3.Error as error:
        return str(error)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sqlite_problem(connection: sqlite3.Connection) -> str:
    found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
    return "" if found == ["ok"] else "; ".join(found)


def _is_hidden(path: str, parts: int | None) -> bool:
    return any(part.startswith(".") for part in path.split("/")[:parts])


def _copied(source: Path, target: Path) -> str:
    state = hashlib.sha256()
    try:
        with source.open("rb") as old, target.open("xb") as new:
            while data := old.read(_CHUNK):
                state.update(data)
                new.write(data)
    except FileNotFoundError as error:
        raise _gone(source.name) from error
    shutil.copymode(source, target)
    return state.hexdigest()


def _gone(path: str) -> ClinicalError:
    return ClinicalError(
        "A file went away while the backup was made, so the backup is not whole",
        where=path,
        repair="Make the backup again when nobody purges or cleans up",
    )
