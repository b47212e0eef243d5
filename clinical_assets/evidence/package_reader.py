"""Reads a package from a folder or a zip without trusting it.

A package may come from anywhere, so nothing is believed: not the names in it, not its sizes, not
its kind. Refused are paths that leave the folder, symbolic links and devices, duplicate names,
names that differ in case only, encrypted entries and data before the zip. Memory is bounded: a
listed file is read up to one byte more than the manifest says, an unlisted one not at all.
Whether the bytes are the right ones is ``verification.py``'s question.
"""

import stat
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.manifest import (
    MANIFEST,
    PUBLIC_KEY,
    SIGNATURE,
    Manifest,
    parse_manifest,
)
from clinical_assets.evidence.package_paths import collisions, printable, unsafe_reason

MAXIMUM_BYTES = 2 * 1024**3
MAXIMUM_FILES = 10_000
_UNLISTED_LIMITS = {MANIFEST: 16 * 1024**2, SIGNATURE: 16 * 1024**2, PUBLIC_KEY: 64 * 1024}
_AGAIN = "Get the package again from where it was released"

ReadUpTo = Callable[[str, int], bytes]


def read_package(path: Path, *, maximum_bytes: int = MAXIMUM_BYTES) -> Mapping[str, bytes]:
    """Every file of the package at ``path`` (a folder or a zip) by its path in the package.

    A listed file that is longer than the manifest says is cut one byte after its stated size; a
    file that the manifest does not list is named with no bytes. Both fail verification.

    Raises:
        ClinicalError: there is nothing to read, no usable manifest, a hostile name or kind of
            entry, or more than ``maximum_bytes``.
    """
    try:
        if path.is_dir():
            return _read_folder(path, maximum_bytes)
        if path.is_file():
            return _read_zip(path, maximum_bytes)
    except OSError as error:
        raise ClinicalError(
            f"The package cannot be read: {error.strerror or type(error).__name__}",
            where=path.name,
            repair="Check that the file is complete and that you may read it",
        ) from error
    raise ClinicalError(
        "There is no package here: neither a folder nor a file",
        where=path.name,
        repair="Give the path of a package folder or of its zip",
    )


def _read_folder(folder: Path, maximum_bytes: int) -> Mapping[str, bytes]:
    if not ((folder / MANIFEST).exists() or (folder / MANIFEST).is_symlink()):
        raise ClinicalError(
            f"There is no package in this folder: it holds no {MANIFEST}",
            where=folder.name,
            repair=f"Give the folder that holds {MANIFEST}, or the zip. {_AGAIN} if it was lost",
        )
    names = []
    pending = [folder]
    while pending:
        for item in sorted(pending.pop().iterdir()):
            name = item.relative_to(folder).as_posix()
            mode = item.lstat().st_mode
            if stat.S_ISDIR(mode):
                pending.append(item)
            elif stat.S_ISREG(mode):
                names.append(name)
            else:
                raise _refused(name, "it is a link or a device, not a regular file")
            if len(names) > MAXIMUM_FILES:
                raise _too_large(f"more than {MAXIMUM_FILES} files")

    def read(name: str, limit: int) -> bytes:
        with (folder / name).open("rb") as stream:
            return stream.read(limit)

    return _read_all(names, read, maximum_bytes)


# What zipfile raises for damaged input is not confined to BadZipFile.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError,
)  # fmt: skip


def _read_zip(path: Path, maximum_bytes: int) -> Mapping[str, bytes]:
    try:
        with path.open("rb") as stream:
            if stream.read(4) != b"PK\x03\x04":
                raise ClinicalError("The file is not a package zip", where=path.name, repair=_AGAIN)
            with zipfile.ZipFile(stream) as archive:
                names = [info.filename for info in _regular_entries(archive)]

                def read(name: str, limit: int) -> bytes:
                    try:
                        with archive.open(name) as entry:
                            return entry.read(limit)
                    except _DAMAGE as error:
                        raise ClinicalError(
                            f"A file within the zip is damaged ({type(error).__name__})",
                            where=f"{path.name}: {printable(name)}",
                            repair=_AGAIN,
                        ) from error

                return _read_all(names, read, maximum_bytes)
    except _DAMAGE as error:
        raise ClinicalError(
            f"The zip is damaged or cut short ({type(error).__name__})",
            where=path.name,
            repair=_AGAIN,
        ) from error


def _regular_entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    entries = []
    if len(archive.infolist()) > MAXIMUM_FILES:
        raise _too_large(f"more than {MAXIMUM_FILES} files")
    for info in archive.infolist():
        name = info.orig_filename
        if info.flag_bits & 0x1:
            raise _refused(name, "it is encrypted")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if name.endswith("/") and kind in (0, stat.S_IFDIR) and info.file_size == 0:
            if reason := unsafe_reason(name[:-1]):
                raise _refused(name, reason)
            continue
        if kind not in (0, stat.S_IFREG):
            raise _refused(name, "it is a link or a device, not a regular file")
        if info.filename != name:
            raise _refused(name, "it holds a backslash, a control character or one that differs")
        entries.append(info)
    return entries


def _read_all(names: list[str], read: ReadUpTo, maximum_bytes: int) -> Mapping[str, bytes]:
    for name in names:
        if reason := unsafe_reason(name):
            raise _refused(name, reason)
    if doubles := collisions(names):
        raise _refused(doubles[0], "it stands twice, or collides with another name")
    if MANIFEST not in names:
        raise ClinicalError(
            f"There is no {MANIFEST} at the top", where=f"{len(names)} files", repair=_AGAIN
        )
    data = read(MANIFEST, _UNLISTED_LIMITS[MANIFEST] + 1)
    manifest = parse_manifest(data)
    return {MANIFEST: data, **_read_listed(names, read, manifest, maximum_bytes)}


def _read_listed(
    names: list[str], read: ReadUpTo, manifest: Manifest, maximum_bytes: int
) -> dict[str, bytes]:
    if sum(entry.size for entry in manifest.files.values()) > maximum_bytes:
        raise _too_large(f"more than {maximum_bytes} bytes")
    files = {}
    for name in sorted(names):
        if name in manifest.files:
            files[name] = read(name, manifest.files[name].size + 1)
        elif name in (SIGNATURE, PUBLIC_KEY):
            files[name] = read(name, _UNLISTED_LIMITS[name])
        elif name != MANIFEST:
            files[name] = b""
    return files


def _refused(name: str, reason: str) -> ClinicalError:
    return ClinicalError(
        f"The package holds an entry that is refused: {reason}",
        where=printable(name),
        repair="Do not unpack it; get the package again from where it was released",
    )


def _too_large(what: str) -> ClinicalError:
    return ClinicalError(
        f"The package is larger than a package may be: {what}",
        repair="Get the package again, or raise the limit in read_package if it is genuine",
    )
