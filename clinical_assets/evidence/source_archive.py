"""The exact source as a ``.tar.gz`` whose bytes depend on the files alone.

Entries are sorted, owned by nobody, dated 1970, and the gzip layer stores without compressing:
deflate gives other bytes in other builds of zlib, and the archive is part of the package digest.
Reading treats the archive as hostile (CWE-22, CWE-409). Which files belong to the source is
decided where the source tree is read (``resources/checkout.py``).
"""

import io
import struct
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.package_paths import collisions, printable, unsafe_reason

MAXIMUM_BYTES = 512 * 1024**2
_BLOCK = 65_535  # the most that one stored deflate block holds (RFC 1951, section 3.2.4)


class SourceFile(NamedTuple):
    """One file of the source tree: path from its root, bytes, whether it is executable."""

    path: str
    data: bytes
    executable: bool


def pack_source(files: Iterable[tuple[str, bytes, bool]]) -> bytes:
    """The archive of ``files`` (path, bytes, executable), in any order.

    Raises:
        ClinicalError: no file, an unsafe path, or two paths that collide.
    """
    entries = sorted(SourceFile(*file) for file in files)
    _check([entry.path for entry in entries])
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            info = tarfile.TarInfo(entry.path)
            info.size = len(entry.data)
            info.mode = 0o755 if entry.executable else 0o644
            archive.addfile(info, io.BytesIO(entry.data))
    return _gzip_stored(buffer.getvalue())


def read_source(archive: bytes, *, maximum_bytes: int = MAXIMUM_BYTES) -> Mapping[str, SourceFile]:
    """The files of an archive by path; nothing is written.

    Raises:
        ClinicalError: the archive is damaged, larger than ``maximum_bytes`` unpacked, or holds a
            link, a device, an unsafe path or two that collide.
    """
    raw = _gunzip(archive, maximum_bytes)
    found = []
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as tar:
            for member in tar:
                if member.isdir():
                    continue
                stream = (
                    None if member.issparse() or not member.isreg() else tar.extractfile(member)
                )
                if stream is None:
                    raise _refused(f"{printable(member.name)!r} is not a regular file")
                data = stream.read()
                if len(data) != member.size:
                    raise _damaged()
                found.append(SourceFile(member.name, data, bool(member.mode & 0o100)))
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise _damaged() from error
    _check([entry.path for entry in found])
    return {entry.path: entry for entry in sorted(found)}


def unpack_source(
    archive: bytes, folder: Path, *, maximum_bytes: int = MAXIMUM_BYTES
) -> tuple[str, ...]:
    """Write the files of ``archive`` below ``folder`` (made if need be); their paths, sorted.

    Raises:
        ClinicalError: as :func:`read_source`, before a file is written; ``folder`` is not empty.
        OSError: the disk refuses.
    """
    files = read_source(archive, maximum_bytes=maximum_bytes)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ClinicalError(
            "The folder for the source is not empty",
            where=folder.name,
            repair="Give an empty folder",
        )
    for entry in files.values():
        target = folder / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(entry.data)
        if entry.executable:
            target.chmod(0o755)
    return tuple(files)


def _check(paths: list[str]) -> None:
    if not paths:
        raise _refused("it holds no file")
    for path in paths:
        if reason := unsafe_reason(path):
            raise _refused(f"path {printable(path)!r}: {reason}")
    if doubles := collisions(paths):
        raise _refused(f"path {printable(doubles[0])!r} collides with another")


def _gzip_stored(data: bytes) -> bytes:
    """``data`` as one gzip member (RFC 1952) of stored blocks: no name, no time, no system."""
    parts = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    starts = range(0, len(data), _BLOCK)
    for start in starts:
        block = data[start : start + _BLOCK]
        final = int(start == starts[-1])
        parts.append(struct.pack("<BHH", final, len(block), len(block) ^ 0xFFFF))
        parts.append(block)
    parts.append(struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))
    return b"".join(parts)


def _gunzip(archive: bytes, maximum_bytes: int) -> bytes:
    engine = zlib.decompressobj(31)  # 31: a gzip header and its checksums are demanded
    try:
        data = engine.decompress(archive, maximum_bytes + 1)
    except zlib.error as error:
        raise _damaged() from error
    if len(data) > maximum_bytes:
        raise _refused(f"it unpacks to more than {maximum_bytes} bytes")
    if not engine.eof or engine.unused_data:
        raise _damaged()
    return data


def _damaged() -> ClinicalError:
    return ClinicalError(
        "The source archive is damaged or cut short",
        where="source.tar.gz",
        repair="Get the package again from where it was released",
    )


def _refused(reason: str) -> ClinicalError:
    return ClinicalError(
        f"The source archive is refused: {reason}",
        where="source.tar.gz",
        repair="Give regular files under plain relative paths",
    )
