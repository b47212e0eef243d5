"""Where the files of an export are: in memory, or in a folder.

What belongs here: names and streams of bytes, nothing about what is in them.
"""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, Protocol

from clinical_assets.errors import ClinicalError


class Files(Protocol):
    """Files by name."""

    def names(self) -> Iterable[str]:
        """Names of all files; those in a folder below with its name and a slash in front."""

    def open(self, name: str) -> BinaryIO:
        """The bytes of a file, to be read once."""


class NewFiles(Protocol):
    """Files that can be written."""

    def create(self, name: str) -> BinaryIO:
        """A new file, open for writing."""


class Memory:
    """Files in memory, each a string of bytes."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.content = dict(files or {})

    def names(self) -> Iterable[str]:
        """Names of all files."""
        return tuple(self.content)

    def open(self, name: str) -> BinaryIO:
        """The bytes of a file."""
        return io.BytesIO(self.content[name])

    def create(self, name: str) -> BinaryIO:
        """A new file; its bytes are kept when it is closed."""
        return _Kept(self.content, name)


class _Kept(io.BytesIO):
    def __init__(self, content: dict[str, bytes], name: str) -> None:
        super().__init__()
        self._content, self._name = content, name

    def close(self) -> None:
        if not self.closed:
            self._content[self._name] = self.getvalue()
        super().close()


class Folder:
    """Files in a folder. What is neither a file nor a folder counts as a file that is not known."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def new(cls, path: Path) -> "Folder":
        """An empty folder, made if there is none.

        Raises:
            ClinicalError: there are files in it.
        """
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise ClinicalError(
                "An export is written into an empty folder only",
                where=str(path),
                repair="Name another folder, or remove what is in this one",
            )
        return cls(path)

    def names(self) -> Iterable[str]:
        """Names of all files.

        Raises:
            ClinicalError: there is no such folder.
        """
        if not self.path.is_dir():
            raise ClinicalError(
                "There is no folder of this name", where=str(self.path), repair="Name the export"
            )
        return sorted(
            found.relative_to(self.path).as_posix()
            for found in self.path.rglob("*")
            if found.is_symlink() or not found.is_dir()
        )

    def open(self, name: str) -> BinaryIO:
        """The bytes of a file; a link is not followed.

        Raises:
            ClinicalError: it is a link or no regular file.
        """
        path = self.path / name
        if path.is_symlink() or not path.is_file():
            raise ClinicalError(
                f"{name} is not a regular file", where=str(self.path), repair="Copy the file itself"
            )
        return path.open("rb")

    def create(self, name: str) -> BinaryIO:
        """A new file, open for writing; an existing one is never overwritten."""
        return (self.path / name).open("xb")
