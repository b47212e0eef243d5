"""The model package: one folder or zip that holds all the evidence for one model.

A package is assembled in memory, so that its digest is known before a byte is written, and then
appears on disk whole or not at all. The same files give the same manifest, the same digest and
the same zip, in every process and on every platform. Signing is ``signing.py``'s, checking
``verification.py``'s; what the files mean is known to those who made them.
"""

import contextlib
import errno
import io
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.manifest import (
    MANIFEST,
    PUBLIC_KEY,
    SIGNATURE,
    Manifest,
    build_manifest,
    parse_manifest,
)
from clinical_assets.evidence.package_reader import MAXIMUM_BYTES, read_package

__all__ = [
    "MAXIMUM_BYTES",
    "Package",
    "assemble",
    "load_package",
    "read_package",
    "write_folder",
    "write_zip",
]

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold


@dataclass(frozen=True, slots=True)
class Package:
    """A package in memory.

    Attributes:
        manifest: names every file of ``files``.
        files: bytes by path, without the manifest.
        seals: ``signature.sig`` and ``signing-key.pub.pem`` where the package is signed.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    seals: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of ``manifest.json``; the seals have no part in it."""
        return self.manifest.digest

    @property
    def contents(self) -> dict[str, bytes]:
        """Every file as it lies in the folder or the zip, sorted by path."""
        everything = {**self.files, MANIFEST: self.manifest.to_bytes(), **self.seals}
        return dict(sorted(everything.items()))


def assemble(files: Mapping[str, bytes], *, model: str, version: str, entry_point: str) -> Package:
    """The unsigned package of ``files`` (path → bytes; all but manifest and signature).

    Args:
        entry_point: ``module:attribute`` of the model's spec within the source archive.

    Raises:
        ClinicalError: a required file is missing or a path or name is not usable.
    """
    manifest = build_manifest(files, model=model, version=version, entry_point=entry_point)
    return Package(manifest, {path: bytes(files[path]) for path in sorted(files)})


def load_package(path: Path) -> Package:
    """The package at ``path`` as it is found there, not verified.

    Raises:
        ClinicalError: as :func:`read_package`.
    """
    found = read_package(path)
    seals = {name: found[name] for name in (SIGNATURE, PUBLIC_KEY) if name in found}
    files = {name: data for name, data in found.items() if name not in {MANIFEST, *seals}}
    return Package(parse_manifest(found[MANIFEST]), files, seals)


def write_folder(
    package: Package, folder: Path, *, seal: Callable[[Path], None] | None = None
) -> None:
    """Write ``package`` as ``folder``, which appears complete or not at all.

    The files are written and synced below a temporary sibling, sealed there, and renamed. After a
    crash a hidden ``.partial-…`` folder may be left beside ``folder``; it can be deleted.
    Where the same package lies there already, only a missing seal is added.

    Args:
        seal: signs the complete folder (:func:`clinical_assets.evidence.signing.sign_folder`).

    Raises:
        ClinicalError: another or a damaged package, or something else, lies at ``folder``; or the
            disk refuses (full, not writable).
    """
    with _disk_faults(folder):
        if _occupied(folder):
            _keep_identical(package, folder, seal)
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
        try:
            draft = workshop / folder.name  # the signature records the folder's final name
            draft.mkdir()
            write_files(package.contents, draft)
            if seal is not None:
                seal(draft)
            sync_tree(draft)
            try:
                draft.rename(folder)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                _keep_identical(package, folder, seal)  # another writer was faster
            _sync(folder.parent)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)


def write_zip(package: Package, path: Path) -> None:
    """Write ``package`` as a zip at ``path``, byte for byte the same for the same package.

    Entries are sorted, dated 1980-01-01, readable by all, and stored without compression: deflate
    gives other bytes in other builds of zlib. The file appears whole or not at all; it replaces a
    zip of the same package digest (whose signature may differ), never another file.

    Raises:
        ClinicalError: another file lies at ``path``, or the disk refuses.
    """
    data = _zip_bytes(package.contents)
    with _disk_faults(path):
        if path.exists() and _digest_at(path) != package.digest:
            raise _other_package(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".partial-", dir=path.parent)
        draft = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            draft.chmod(0o644)
            draft.replace(path)
            _sync(path.parent)
        finally:
            draft.unlink(missing_ok=True)


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write each file below ``folder``; the paths are safe ones (``package_paths``)."""
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def sync_tree(folder: Path) -> None:
    """Force every file and folder below ``folder``, and itself, on to the disk."""
    for item in sorted(folder.rglob("*"), reverse=True):
        _sync(item)
    _sync(folder)


def _sync(item: Path) -> None:
    if os.name == "nt" and item.is_dir():
        return  # Windows syncs no folders
    handle = os.open(item, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _zip_bytes(contents: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in sorted(contents.items()):
            info = zipfile.ZipInfo(path, _ZIP_TIME)
            info.create_system = 3  # Unix, wherever this runs
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_STORED
            archive.writestr(info, data)
    return buffer.getvalue()


def _occupied(folder: Path) -> bool:
    if not folder.is_dir():
        return folder.exists() or folder.is_symlink()
    return next(folder.iterdir(), None) is not None


def _keep_identical(package: Package, folder: Path, seal: Callable[[Path], None] | None) -> None:
    if _digest_at(folder) != package.digest:
        raise _other_package(folder)
    present = load_package(folder)
    if present.files != package.files:
        raise ClinicalError(
            "A package with this digest lies here already, but its files were changed",
            where=folder.name,
            repair="Run `clinical package verify` on it, move it away and run again",
        )
    if seal is not None and set(present.seals) != {SIGNATURE, PUBLIC_KEY}:
        seal(folder)


def _digest_at(path: Path) -> str | None:
    try:
        return load_package(path).digest
    except ClinicalError:
        return None  # whatever lies there, it is not a package that could be this one


def _other_package(path: Path) -> ClinicalError:
    return ClinicalError(
        "Something else lies where the package would be written, and is never overwritten",
        where=path.name,
        repair="Give another path or raise the model's version",
    )


@contextlib.contextmanager
def _disk_faults(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ClinicalError(
            f"The package cannot be written: {error.strerror or type(error).__name__}",
            where=path.name,
            repair="Check free space and permissions of the folder, then run again",
        ) from error
