"""The manifest of an export: what the folder holds, and what shows that it belongs to the ledger.

What belongs here: the record, its bytes and reading them. What does not: checking it
(:mod:`.verify`). Nothing in a manifest is believed because it stands there: entries are held
against the root that a checkpoint signs, and files against the entries.
"""

import json
import re
from dataclasses import dataclass

from pydantic import ValidationError

from clinical_assets.canonical import canonical_json, from_plain, sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.exports.record import About, Kind

FORMAT = "clinical-ledger-export/1"
NAME, DIGEST, NOTE = "manifest.json", "manifest.sha256", "manifest.note"
ENTRIES, CHECKPOINTS, LEAVES, PROOFS = (
    "entries.jsonl",
    "checkpoints.txt",
    "leaves.txt",
    "proofs.jsonl",
)
_HASH = re.compile("[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree that the entries are shown to be in; its checkpoint is in ``checkpoints.txt``."""

    size: int
    root: str


@dataclass(frozen=True, slots=True)
class Consistency:
    """Proof that the tree of ``size`` entries is the beginning of the export's tree."""

    size: int
    proof: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class File:
    """One file of the export. ``form`` is that of a view of the entries, or a part's name."""

    name: str
    form: str
    media_type: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is said of an export.

    Attributes:
        entries: how many entries are in it.
        first: number of the first entry of a range; 0 in a selection.
        frontier: roots of the complete subtrees over the entries before ``first``, the largest
            first; empty in a selection.
        consistency: proofs for the end of the range and for checkpoints that lie outside of it.
        keys: public keys that signed; for information, never for trust.

    Hashes are lower-case hexadecimal; for the rest see
    :class:`~clinical_assets.ledger.exports.record.About`.
    """

    format: str
    origin: str
    kind: Kind
    first: int
    entries: int
    tree: Tree
    frontier: tuple[str, ...]
    consistency: tuple[Consistency, ...]
    selected_by: str
    keys: tuple[str, ...]
    files: tuple[File, ...]
    exported_at: str
    software: str

    @property
    def about(self) -> About:
        """What the forms may say."""
        return About(
            self.origin,
            self.kind,
            self.first,
            self.tree.size,
            self.tree.root,
            self.selected_by,
            self.exported_at,
            self.software,
        )

    @property
    def end(self) -> int:
        """One more than the number of the last entry of a range."""
        return self.first + self.entries

    def to_bytes(self) -> bytes:
        """Canonical JSON, without a final newline."""
        return canonical_json(self)


def digest_line(manifest: bytes) -> bytes:
    """Content of ``manifest.sha256``, as ``sha256sum`` writes and checks it."""
    return f"{sha256(manifest)}  {NAME}\n".encode()


def note_text(manifest: bytes) -> str:
    """What is signed in ``manifest.note``; two lines, so it is never a checkpoint."""
    return f"{FORMAT}\n{sha256(manifest)}\n"


def read_manifest(data: bytes) -> Manifest:
    """The manifest that :meth:`Manifest.to_bytes` wrote as ``data``.

    Raises:
        ClinicalError: the bytes are no manifest of this format, or not in canonical form.
    """
    try:
        found = from_plain(Manifest, json.loads(data))
        same = found.to_bytes() == data
    except (ValidationError, ValueError, RecursionError):
        same = False
    if not same or not _possible(found):
        raise ClinicalError(
            f"{NAME} is not a manifest in canonical form",
            where=f"expected {FORMAT}",
            repair="Take the export again from its source",
        )
    return found


def _possible(manifest: Manifest) -> bool:
    hashes = [manifest.tree.root, *manifest.frontier]
    hashes += [file.sha256 for file in manifest.files]
    hashes += [h for consistency in manifest.consistency for h in consistency.proof]
    counts = [manifest.first, manifest.entries, manifest.tree.size]
    if manifest.kind == "range":
        part = not manifest.selected_by
    else:
        part = not (manifest.first or manifest.frontier)
    return (
        manifest.format == FORMAT
        and part
        and _TIME.fullmatch(manifest.exported_at) is not None
        and min(counts) >= 0
        and manifest.end <= manifest.tree.size
        and len(manifest.frontier) == manifest.first.bit_count()
        and all(map(_HASH.fullmatch, hashes))
    )
