"""Finding and reading the files of registered sources.

What belongs here: where a file lies (checkout, installed package, snapshot store) and putting a
user's file where it will be found. What does not: what the register demands of it
(:mod:`clinical_assets.evidence.sources`). Bytes that are not the registered ones never leave here.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.sources import (
    RegisteredFile,
    RegisteredSource,
    parse_sources,
    verify_bytes,
)
from resources.snapshot_store import SnapshotStore


@dataclass(frozen=True, slots=True)
class FileState:
    """What became of one file when it was looked at; ``problem`` is empty unless wrong."""

    source: str
    file: RegisteredFile
    state: Literal["verified", "not added", "wrong"]
    problem: str = ""


class SourceFiles:
    """The registered sources and their files.

    Args:
        register: path of ``sources.toml``; shipped files lie relative to its folder.
        snapshots: where files lie that a person added.
    """

    def __init__(self, register: Path, snapshots: SnapshotStore) -> None:
        self._register = register
        self._snapshots = snapshots

    def sources(self) -> dict[str, RegisteredSource]:
        """Every registered source by id, in the register's order.

        Raises:
            ClinicalError: the register is missing, is not UTF-8, or has a wrong entry.
        """
        data = _read(self._register)
        if data is None:
            raise ClinicalError(
                "There is no register of sources",
                where=str(self._register),
                repair="Run from the checkout, or set CLINICAL_SOURCES to the path of sources.toml",
            )
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise ClinicalError(
                f"The register of sources is not UTF-8 (byte {error.start})",
                where=str(self._register),
                repair="Save it as UTF-8",
            ) from error
        return parse_sources(text, origin=self._register.name)

    def source(self, source_id: str) -> RegisteredSource:
        """One source.

        Raises:
            ClinicalError: it is not registered.
        """
        sources = self.sources()
        if source_id not in sources:
            raise ClinicalError(
                f"There is no source {source_id!r}",
                where=str(self._register),
                repair="Use one of: " + ", ".join(sources) + "; or register it there",
            )
        return sources[source_id]

    def read(self, source_id: str) -> tuple[RegisteredSource, dict[str, bytes]]:
        """The source and the verified bytes of its files, by name.

        Raises:
            ClinicalError: the source is not registered, a file is absent, or is not the
                registered one.
        """
        source = self.source(source_id)
        return source, {file.name: self._bytes(source, file) for file in source.files}

    def states(self, source_id: str | None = None) -> list[FileState]:
        """Each file of one source, or of all, read and verified; problems are collected."""
        chosen = [self.source(source_id)] if source_id else list(self.sources().values())
        return [self._state(source, file) for source in chosen for file in source.files]

    def add(self, source_id: str, path: Path) -> RegisteredFile:
        """Put the file at ``path`` into the snapshot store, if the source registers it.

        The file's own name does not matter; its SHA-256 tells which of the source's files it is.

        Raises:
            ClinicalError: it cannot be read, or it is not a file of this source.
        """
        file, data = self.identified(source_id, path)
        self._snapshots.put(data)
        return file

    def identified(self, source_id: str, path: Path) -> tuple[RegisteredFile, bytes]:
        """Which of the source's files the one at ``path`` is, and its verified bytes.

        Raises:
            ClinicalError: it cannot be read, or it is not a file of this source.
        """
        source = self.source(source_id)
        data = _read(path)
        if data is None:
            raise ClinicalError(
                "There is no such file", where=str(path), repair="Check the path and try again"
            )
        digest = sha256(data)
        known = [file for file in source.files if file.sha256 == digest]
        if not known and len(source.files) > 1:
            raise ClinicalError(
                f"Its SHA-256, {digest}, is that of none of the source's files",
                where=f"source {source.id}, file {path}",
                repair="Obtain the file as published and change nothing in it; registered are: "
                + ", ".join(f.name for f in source.files),
            )
        file = (known or list(source.files))[0]
        return file, verify_bytes(source, file.name, data)

    def _state(self, source: RegisteredSource, file: RegisteredFile) -> FileState:
        if not source.shipped and not self._snapshots.has(file.sha256):
            return FileState(source.id, file, "not added")
        try:
            self._bytes(source, file)
        except ClinicalError as error:
            return FileState(source.id, file, "wrong", str(error))
        return FileState(source.id, file, "verified")

    def _bytes(self, source: RegisteredSource, file: RegisteredFile) -> bytes:
        data = _read(self._shipped_at(file)) if file.path else None
        if data is None:
            if not self._snapshots.has(file.sha256):
                raise _absent(source, file)
            data = self._snapshots.get(file.sha256)
        return verify_bytes(source, file.name, data)

    def _shipped_at(self, file: RegisteredFile) -> Path:
        if not file.package:
            return self._register.parent / file.path
        # Located without importing it: scikit-learn's import takes seconds.
        found = find_spec(file.package)
        places = list(found.submodule_search_locations or []) if found else []
        return Path(places[0] if places else file.package) / file.path


def _absent(source: RegisteredSource, file: RegisteredFile) -> ClinicalError:
    repair = f"Obtain it ({source.reference}) and run `clinical data add {source.id} FILE`"
    if file.package:
        repair = f"Install {file.package} in the locked version, or: {repair}"
    elif source.shipped:
        repair = f"Restore data/{file.path} from the repository, or: {repair}"
    return ClinicalError(
        "The file is not here", where=f"source {source.id}, file {file.name}", repair=repair
    )


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ClinicalError(
            f"The file cannot be read: {error.strerror}",
            where=str(path),
            repair="Check that it is a file and that you may read it",
        ) from error
