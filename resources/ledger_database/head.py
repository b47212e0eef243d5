"""The signed head of a ledger: what it states, and whether that holds.

What belongs here: the one row that says how many entries there are, and holding it against its
signature, the newest row, and what this process knew before. What does not: writing it
(:mod:`.store`). Whoever can write into the database but has no key can neither append an
entry, nor cut the newest ones, nor put the clock forward, without the next append being refused.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import Checkpoint, PublicKey, SigningKey, sign, verify
from clinical_assets.ledger.merkle import HASH_BYTES, Frontier, leaf_hash, node_hash


class Keys(Protocol):
    """Where the ledger's keys come from."""

    def signing(self, name: str) -> SigningKey:
        """The key that is in force."""

    def trusted(self) -> Sequence[PublicKey]:
        """Every key whose signature counts."""

    def withdrawn(self) -> Sequence[PublicKey]:
        """Keys whose signatures count no longer."""


@dataclass(frozen=True, slots=True)
class Head:
    """The signed state after the newest entry.

    Attributes:
        note: signed checkpoint of ``size`` entries.
        peaks: roots of the complete subtrees, the largest first.
        path: left siblings from the newest leaf up to the last peak.
        at: time of the newest entry.
    """

    size: int
    note: str
    peaks: tuple[bytes, ...]
    path: tuple[bytes, ...]
    at: str

    @classmethod
    def signed(
        cls, frontier: Frontier, path: tuple[bytes, ...], at: str, origin: str, keys: Keys
    ) -> "Head":
        """The head over a tree, signed with the key in force."""
        stated = Checkpoint(origin, frontier.size, frontier.root())
        return cls(frontier.size, sign(stated, [keys.signing(origin)]), frontier.peaks, path, at)

    def row(self, prefix: str = "") -> dict[str, Any]:
        """As columns of its table."""
        columns = {
            "size": self.size,
            "note": self.note,
            "peaks": b"".join(self.peaks),
            "path": b"".join(self.path),
            "at": self.at,
        }
        return {prefix + name: value for name, value in columns.items()}


def head_from(row: Sequence[Any] | None, place: str) -> Head:
    """The head of a row of :func:`.rows.head_query`, its signature unread.

    Raises:
        ClinicalError: there is none, or rows stand behind it or are missing.
    """
    if row is None:
        raise tampered("has no head", place)
    size, note, peaks, path, at, newest = row[:6]
    count = 0 if newest is None else int(newest) + 1
    if count != size:
        raise tampered(f"has {count} entries, but its signed head speaks of {size}", place)
    return Head(int(size), str(note), _hashes(peaks), _hashes(path), str(at))


def _hashes(joined: object) -> tuple[bytes, ...]:
    whole = bytes(joined) if isinstance(joined, (bytes, memoryview)) else b""
    return tuple(whole[i : i + HASH_BYTES] for i in range(0, len(whole), HASH_BYTES))


def verify_head(
    head: Head,
    known: Head | None,
    newest: object,
    *,
    origin: str,
    keys: Keys,
    place: str,
) -> None:
    """Holds a head against its signature, the newest entry, and an earlier head.

    Args:
        newest: bytes of the newest entry.
        known: the newest head that this process verified or wrote and that is on disk.

    Raises:
        ClinicalError: something other than this software wrote into the ledger.
    """
    if known is not None and (
        head.size < known.size or (head.size == known.size and head.peaks != known.peaks)
    ):
        raise tampered(
            f"had {known.size} entries and is back at an earlier or another state of {head.size}",
            place,
        )
    stated = _verified(head.note, origin, keys)
    try:
        frontier = Frontier.resume(head.size, head.peaks)
    except ValueError:
        frontier = Frontier()
    if stated != Checkpoint(origin, head.size, frontier.root()):
        raise tampered("has a head that its signature does not fit", place)
    if head.size and not _is_newest(newest, head):
        raise tampered("has a newest entry that its head does not fit", place)


def _verified(note: str, origin: str, keys: Keys) -> Checkpoint:
    """By the key in force, which nearly every head was signed with; else by any trusted one."""
    try:
        return verify(note, [keys.signing(origin).public])
    except ClinicalError:
        return verify(note, keys.trusted())


def _is_newest(body: object, head: Head) -> bool:
    """Whether the newest entry is in the tree, and of the time that the head says.

    The last peak is the root of the subtree that the newest entry completed.
    """
    if not isinstance(body, (bytes, memoryview)):
        return False
    found = leaf_hash(bytes(body))
    for sibling in head.path:
        found = node_hash(sibling, found)
    return found == head.peaks[-1] and json.loads(bytes(body))["at"] == head.at


def tampered(what: str, place: str) -> ClinicalError:
    """Said where the stored ledger is not what this software left."""
    return ClinicalError(
        f"The ledger {what}: something other than this software wrote into it",
        where=place,
        repair="Nothing is appended until it is looked into: keep the database for the"
        " investigation, run `clinical ledger verify`, restore the ledger from a backup and start"
        " the software again",
    )
