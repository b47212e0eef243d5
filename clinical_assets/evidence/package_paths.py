"""Which file names may stand in a package or in a source archive.

A path is accepted only if it means the same file on Linux, macOS and Windows and cannot leave the
folder it is written to (CWE-22, "zip slip"). Nothing here touches the file system.
"""

import unicodedata
from collections.abc import Iterable

from clinical_assets.visible import visible

MAXIMUM_LENGTH = 240
_FORBIDDEN = frozenset('\\:*?"<>|')
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul"]
    + [f"{device}{digit}" for device in ("com", "lpt") for digit in range(1, 10)]
)


def unsafe_reason(path: str) -> str:
    """Why ``path`` may not be written below a folder; the empty string where it may.

    >>> unsafe_reason("data/raw/pima_train.csv")
    ''
    >>> unsafe_reason("../outside.txt")
    'it leaves the folder'
    """
    if not path or len(path) > MAXIMUM_LENGTH:
        return f"its length is not between 1 and {MAXIMUM_LENGTH} characters"
    if path.startswith("/") or (len(path) > 1 and path[1] == ":"):
        return "it is absolute"
    if any(c in _FORBIDDEN or unicodedata.category(c).startswith("C") for c in path):
        return "it holds a backslash, a control character or one that Windows forbids"
    if unicodedata.normalize("NFC", path) != path:
        return "it is not in Unicode normal form C"
    for part in path.split("/"):
        if part == "..":
            return "it leaves the folder"
        if part in ("", ".") or part[-1] in ". ":
            return "it has a part that is empty or ends in a dot or a space"
        if part.split(".")[0].casefold() in _RESERVED:
            return f"{part.split('.')[0]} is a device name on Windows"
    return ""


def collisions(paths: Iterable[str]) -> tuple[str, ...]:
    """Paths that cannot stand beside an earlier one, sorted.

    A path collides with one that is equal, that differs in upper and lower case only, or that
    would have to be a file and a folder at once.
    """
    listed = sorted(paths)
    seen: set[str] = set()
    found: set[str] = set()
    for path in listed:
        folded = path.casefold()
        if folded in seen:
            found.add(path)
        seen.add(folded)
    for path in listed:
        parts = path.casefold().split("/")
        if any("/".join(parts[:depth]) in seen for depth in range(1, len(parts))):
            found.add(path)
    return tuple(sorted(found))


def printable(path: str) -> str:
    """``path`` for a message: invisible characters escaped, at most 120 characters."""
    text = visible(path)
    return text if len(text) <= 120 else text[:117] + "..."
