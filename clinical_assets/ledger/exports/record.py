"""What every form of an export is made of: one entry, and what is said about the whole.

What belongs here: the records that forms are written from, and the class of a form. What does not:
any particular form. A form is written piece by piece, entry by entry, and the same entries give
the same bytes for ever; that is how a verifier finds an altered report. So a form that is to look
different gets another version (``csv/2``), and the old one stays.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["range", "selection"]


@dataclass(frozen=True, slots=True)
class About:
    """What the head of a form may say; all of it stands in the manifest.

    Attributes:
        origin: the ledger's name.
        kind: entries without gaps, or some that were selected.
        first: number of the first entry of a range; 0 in a selection.
        tree_size, root: the tree that the entries are shown to be in; the root in hexadecimal.
        selected_by: in words, what was selected; empty in a range.
        exported_at: UTC, as an entry's time is written.
        software: version and commit of the software that exported.
    """

    origin: str
    kind: Kind
    first: int
    tree_size: int
    root: str
    selected_by: str
    exported_at: str
    software: str


@dataclass(frozen=True, slots=True)
class Record:
    """One entry: its exact bytes, its leaf hash, and the JSON values in it."""

    body: bytes
    leaf: bytes
    entry: dict[str, Any]

    @classmethod
    def of(cls, body: bytes, leaf: bytes) -> "Record":
        """The record of an entry's bytes, which are taken to be canonical.

        Raises:
            ValueError: the bytes are no JSON.
        """
        return cls(body, leaf, json.loads(body))

    @property
    def details(self) -> str:
        """The details as canonical JSON; the other fields do not depend on the action."""
        return compact(self.entry["details"], plain_ascii=False)

    def flat(self) -> dict[str, str]:
        """Every field by its path (``actor.name``), in the order of columns; details as JSON."""
        found: dict[str, str] = {}
        for name in FIELDS:
            value = self.entry
            for step in name.split("."):
                value = value[step]
            found[name] = self.details if name == "details" else str(value)
        return found


FIELDS = (
    "seq",
    "at",
    "act",
    "actor.kind",
    "actor.id",
    "actor.name",
    "actor.method",
    "actor.on_behalf_of",
    "action",
    "subject.kind",
    "subject.id",
    "subject.version",
    "subject.sha256",
    "details",
    "outcome",
    "reason",
    "origin.run",
    "origin.asset",
    "origin.partition",
    "software",
)


@dataclass(frozen=True, slots=True)
class Form:
    """One form of an export, and how it is written.

    Attributes:
        name: name and version, as in the manifest.
        file: the file's name in the export's folder.
        begin: text before the first entry.
        entry: text of one entry.
        end: text after the last, of so many entries.
    """

    name: str
    file: str
    media_type: str
    begin: Callable[[About], str]
    entry: Callable[[About, Record], str]
    end: Callable[[About, int], str]


def nothing_before(about: About) -> str:
    """The head of a form that has none."""
    return ""


def nothing_after(about: About, count: int) -> str:
    """The foot of a form that has none."""
    return ""


def compact(value: Any, *, plain_ascii: bool = True) -> str:
    """JSON in one line, members in order; by default every character beyond ASCII is escaped.

    >>> compact({"b": "é", "a": [1]})
    '{"a":[1],"b":"\\\\u00e9"}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=plain_ascii)
