"""Named bytes that are written once: the ground under the lake and the snapshot store.

What belongs here: creating, reading and finding whole objects in a local folder or in an S3
bucket, and turning the faults of disk and network into errors with a repair. What does not: what
the bytes mean and whether they are the right ones; callers verify digests.

A local object appears under its name only when all its bytes are on disk: it is written to a file
in ``.incoming`` beside the objects, flushed, linked to its name without replacing anything, and the
folder is flushed (Pillai et al. 2014, "All File Systems Are Not Created Equal"). On S3 the same
is one conditional PUT.
"""

import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from clinical_assets.errors import ClinicalError

# One folder for unfinished files: finding leftovers costs what they are, not what is stored.
INCOMING = ".incoming"
# A writer that is alive finishes within seconds; a day leaves room for any clock.
STALE_AFTER_SECONDS = 24 * 3600.0


class Blobs(Protocol):
    """Objects by name (``/`` separates folders); each is created once and never changed."""

    location: str

    def create(self, name: str, data: bytes) -> bool:
        """Store ``data`` as ``name``; False where the name was taken, which is left as it is."""

    def read(self, name: str) -> bytes | None:
        """The object's bytes, or None where there is none."""

    def exists(self, name: str) -> bool:
        """Whether there is an object of this name."""

    def remove(self, name: str) -> None:
        """Take an object away that nothing refers to; no error where there is none."""

    def listed(self) -> Iterator[tuple[str, float]]:
        """Name and time of the last change of each object that lies in no folder."""

    def touch(self, name: str) -> None:
        """Make the empty mark ``name``, or renew its time."""

    def modified_at(self, name: str) -> float | None:
        """Time of an object's last change, in seconds since 1970; None where there is none."""


def open_blobs(
    url: str, options: Mapping[str, str] | None = None, *, retry_seconds: float | None = None
) -> Blobs:
    """Blobs below ``url``: a local folder, or ``s3://bucket/prefix`` with obstore's options.

    ``retry_seconds`` bounds the tries over a network; None leaves it to obstore (three minutes).
    """
    if url.startswith("s3://"):
        return S3Blobs(url, options or {}, retry_seconds=retry_seconds)
    return LocalBlobs(Path(url))


class LocalBlobs:
    """Blobs in a folder, which is made on the first write."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.location = str(root)

    def path(self, name: str) -> Path:
        """Where the object lies, or would lie."""
        return self.root / name

    def create(self, name: str, data: bytes) -> bool:
        """Store ``data`` as ``name``; False where the name was taken, which is left as it is.

        Raises:
            ClinicalError: the disk is full or the folder cannot be written; nothing is left.
        """
        target = self.path(name)
        with disk_faults(target):
            if target.exists():
                return False
            _make_folder(target.parent)
            incoming = self.root / INCOMING
            incoming.mkdir(exist_ok=True)
            temporary = incoming / uuid4().hex
            try:
                with temporary.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fchmod(file.fileno(), 0o444)
                    os.fsync(file.fileno())
                created = _place(temporary, target)
            finally:
                temporary.unlink(missing_ok=True)
            flush(target.parent)
        return created

    def read(self, name: str) -> bytes | None:
        """The object's bytes, or None where there is none."""
        path = self.path(name)
        with disk_faults(path):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def exists(self, name: str) -> bool:
        """Whether there is an object of this name."""
        return self.path(name).is_file()

    def remove(self, name: str) -> None:
        """Take an object away that nothing refers to; no error where there is none."""
        path = self.path(name)
        with disk_faults(path):
            path.unlink(missing_ok=True)

    def listed(self) -> Iterator[tuple[str, float]]:
        """Name and time of the last change of each object that lies in no folder."""
        with disk_faults(self.root), suppress(FileNotFoundError), os.scandir(self.root) as entries:
            for entry in entries:
                # Another process may take a file away between its name and its time.
                with suppress(FileNotFoundError):
                    if entry.is_file(follow_symlinks=False):
                        yield entry.name, entry.stat(follow_symlinks=False).st_mtime

    def touch(self, name: str) -> None:
        """Make the empty mark ``name``, or renew its time."""
        path = self.path(name)
        with disk_faults(path):
            _make_folder(path.parent)
            path.touch()

    def modified_at(self, name: str) -> float | None:
        """Time of an object's last change, in seconds since 1970; None where there is none."""
        path = self.path(name)
        with disk_faults(path):
            try:
                return path.stat().st_mtime
            except FileNotFoundError:
                return None

    def sweep(self, older_than_seconds: float = STALE_AFTER_SECONDS) -> int:
        """Remove temporary files that a killed writer left; how many there were.

        Young ones may belong to a writer that is still at work, so they stay.
        """
        limit = time.time() - older_than_seconds
        removed = 0
        for leftover in (self.root / INCOMING).glob("*"):
            try:
                if leftover.stat().st_mtime < limit:
                    leftover.unlink()
                    removed += 1
            except FileNotFoundError:  # its writer, or another sweep, was quicker
                continue
        return removed


def _place(temporary: Path, target: Path) -> bool:
    """Give the finished file its name; False where the name was taken in the meantime."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        # No hard links here (FAT, some network mounts). A rename may replace an object that
        # another writer made since; names are made of digests or are unique, so both are equal.
        if target.exists():
            return False
        os.replace(temporary, target)  # noqa: PTH105 - beside os.link, the same call by name
    return True


def _make_folder(folder: Path) -> None:
    """Make a folder with its parents, each entry flushed to disk."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    flush(folder.parent)


def flush(path: Path) -> None:
    """Put a file's bytes, or a folder's entries, on disk, so that they outlive a power failure."""
    if os.name == "nt":  # Windows cannot open a folder; NTFS journals its entries
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def disk_faults(path: Path) -> Iterator[None]:
    """Turn the operating system's errors on ``path`` into errors with a repair."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise ClinicalError(
                "The disk or quota is full; nothing was stored",
                where=str(path),
                repair="Free space there, or set CLINICAL_STORE to a larger disk, and run again",
            ) from error
        raise ClinicalError(
            f"The store cannot be used: {error.strerror or type(error).__name__}",
            where=str(error.filename or path),
            repair="Check that the folder exists, is a folder, and that you may write in it",
        ) from error


class S3Blobs:
    """Blobs below a prefix of an S3 bucket; credentials come from the ``AWS_…`` variables."""

    def __init__(
        self, url: str, options: Mapping[str, str], *, retry_seconds: float | None = None
    ) -> None:
        self.location = url
        self._options = dict(options)
        self._retry_seconds = retry_seconds
        self._opened: Any = None

    @property
    def _store(self) -> Any:
        if self._opened is None:
            from obstore.store import S3Store

            # delta-rs takes all options in one map; obstore wants those of HTTP apart.
            options: Any = {k: v for k, v in self._options.items() if k != "aws_allow_http"}
            plain = self._options.get("aws_allow_http") == "true"
            more: Any = {}
            if self._retry_seconds is not None:
                more["retry_config"] = {"retry_timeout": timedelta(seconds=self._retry_seconds)}
            self._opened = S3Store.from_url(
                self.location, config=options, client_options={"allow_http": plain}, **more
            )
        return self._opened

    def create(self, name: str, data: bytes) -> bool:
        """Store ``data`` as ``name``; False where the name was taken, which is left as it is.

        Raises:
            ClinicalError: the bucket does not exist, refuses the write, or cannot be reached.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError

        try:
            # One part: only a single PUT can carry the condition that the name be free.
            self._call(
                lambda: obstore.put(self._store, name, data, mode="create", use_multipart=False),
                AlreadyExistsError,
            )
        except AlreadyExistsError:
            return False
        return True

    def read(self, name: str) -> bytes | None:
        """The object's bytes, or None where there is none."""
        import obstore

        try:
            return bytes(
                self._call(lambda: obstore.get(self._store, name).bytes(), FileNotFoundError)
            )
        except FileNotFoundError:
            return None

    def exists(self, name: str) -> bool:
        """Whether there is an object of this name."""
        import obstore

        try:
            self._call(lambda: obstore.head(self._store, name), FileNotFoundError)
        except FileNotFoundError:
            return False
        return True

    def remove(self, name: str) -> None:
        """Take an object away that nothing refers to; no error where there is none."""
        import obstore

        try:
            self._call(lambda: obstore.delete(self._store, name), FileNotFoundError)
        except FileNotFoundError:
            return

    def listed(self) -> Iterator[tuple[str, float]]:
        """Name and time of the last change of each object that lies in no folder."""
        import obstore

        found = self._call(lambda: obstore.list_with_delimiter(self._store), FileNotFoundError)
        for item in found["objects"]:
            yield item["path"], item["last_modified"].timestamp()

    def names(self) -> list[str]:
        """Names of all objects, those in folders too."""
        import obstore

        parts = self._call(lambda: list(obstore.list(self._store)), FileNotFoundError)
        return [str(item["path"]) for part in parts for item in part]

    def touch(self, name: str) -> None:
        """Make the empty mark ``name``, or renew its time."""
        import obstore

        self._call(lambda: obstore.put(self._store, name, b""), FileNotFoundError)

    def modified_at(self, name: str) -> float | None:
        """Time of an object's last change, in seconds since 1970; None where there is none."""
        import obstore

        try:
            head = self._call(lambda: obstore.head(self._store, name), FileNotFoundError)
        except FileNotFoundError:
            return None
        return float(head["last_modified"].timestamp())

    def _call(self, request: Callable[[], Any], expected: type[Exception]) -> Any:
        from obstore.exceptions import BaseError

        try:
            return request()
        except (BaseError, OSError) as error:
            if isinstance(error, expected) and "NoSuchBucket" not in str(error):
                raise
            # The library's message repeats addresses and response bodies; its type says enough.
            reason = "NoSuchBucket" if "NoSuchBucket" in str(error) else type(error).__name__
            raise ClinicalError(
                f"The object store refused a request ({reason})",
                where=self.location,
                repair="Check bucket, region, endpoint and the AWS_… credentials",
            ) from error
