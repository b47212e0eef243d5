"""A profile as a file: one line that says what it is, then compressed JSON.

The line is ``clinical-profile``, the format's version, and the SHA-256 of what follows. Files of
every version that was ever written stay readable. Version 1 carries its grid; version 2 names it by
its digest, for stores of many profiles that keep their grid once.
"""

import hashlib
import json
import zlib

from clinical_assets.drift.profiles.grid import Grid
from clinical_assets.drift.profiles.plain import plain, profile_of
from clinical_assets.drift.profiles.profile import Profile
from clinical_assets.errors import ClinicalError

MAGIC = b"clinical-profile "
VERSION = 2
_LARGEST = 1 << 30  # bytes once unpacked; a small file must not fill the memory
_AGAIN = "Copy it again from where it came, or make it again with `clinical profile`"

_MALFORMED = (
    *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError),
    *(RecursionError, zlib.error),
)


def is_profile(start: bytes) -> bool:
    """Whether a file that begins like this says that it is a profile."""
    return start.startswith(MAGIC)


def to_bytes(profile: Profile, *, grid: bool = True) -> bytes:
    """The profile as a file.

    Args:
        grid: whether the grid is in it; else it has to be given when the file is read.
    """
    version = 1 if grid else 2
    text = json.dumps(
        plain(profile, grid=grid), sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    body = zlib.compress(text.encode("ascii"), 6)
    return MAGIC + f"{version} {hashlib.sha256(body).hexdigest()}\n".encode() + body


def from_bytes(data: bytes, where: str = "profile", *, grid: Grid | None = None) -> Profile:
    """What :func:`to_bytes` gave.

    Args:
        where: what the file is called, for messages.
        grid: that of the file, where it is kept apart; otherwise of no account.

    Raises:
        ClinicalError: it is no profile, damaged, or of a version that this program is too old for;
            or its grid is kept apart and this is another or none.
    """
    line, _, body = data[:256].partition(b"\n")
    if not is_profile(data):
        if data and MAGIC.startswith(data):
            raise _damaged(where)
        raise ClinicalError("This is no profile", where=where, repair=_AGAIN)
    words = line.split(b" ")
    if len(words) < 3 or not words[1].isdigit():
        raise _damaged(where)
    if int(words[1]) > VERSION:
        raise ClinicalError(
            f"The profile is of format {int(words[1])}, this program reads up to {VERSION}",
            where=where,
            repair="Use a newer version of this program",
        )
    body = data[len(line) + 1 :]
    if hashlib.sha256(body).hexdigest().encode() != words[2]:
        raise _damaged(where)
    try:
        found = json.loads(_unpacked(body))
        if isinstance(found["grid"], str):
            return profile_of(found, _required(grid, found["grid"], where))
        return profile_of(found)
    except _MALFORMED:
        raise _damaged(where) from None


def _required(grid: Grid | None, digest: str, where: str) -> Grid:
    if grid is None:
        raise ClinicalError(
            f"The profile's grid ({digest[:12]}) is kept apart from it",
            where=where,
            repair="Give the grid, as of the reference's profile, when reading it",
        )
    if grid.digest != digest:
        raise ClinicalError(
            f"The profile was made on another grid ({digest[:12]}) than this ({grid.digest[:12]})",
            where=where,
            repair="Give the grid of the reference that it was made against",
        )
    return grid


def _unpacked(body: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(body, _LARGEST)
    if not unpacking.eof:
        raise ValueError("cut, or too large")
    return text


def _damaged(where: str) -> ClinicalError:
    return ClinicalError("The profile is damaged or cut short", where=where, repair=_AGAIN)
