"""The manifest of a backup: which files it consists of, and of which ledger it is.

What belongs here: the record, its bytes, its signed note, and what must hold of the files' names.
What does not: copying. The manifest's SHA-256 is signed as a note in the form of a checkpoint,
under a name of its own (``<ledger>/backup``), so that it never passes for a checkpoint.
"""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from clinical_assets.canonical import canonical_json, digest_of, from_plain
from clinical_assets.errors import ClinicalError

FORMAT = "clinical-backup/1"
MANIFEST = "manifest.json"
NOTE = "manifest.note"
UNLISTED = (MANIFEST, NOTE)
STORES = ("ledger", "snapshots", "lake", "packages", "mlflow", "dagster", "keys")


@dataclass(frozen=True, slots=True)
class BackupFile:
    """SHA-256 of a file, lower-case hexadecimal, and its bytes."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """What a backup consists of.

    Attributes:
        made_at: when it was begun, UTC, by the clock of the ledger's server.
        software: version and commit.
        origin, size, root: the ledger's name, number of entries, Merkle root (hexadecimal).
        files: by path; the first part is one of :data:`STORES`.
        left_out: what this installation keeps elsewhere and is not in here, in words.
    """

    format: str
    made_at: str
    software: str
    origin: str
    size: int
    root: str
    files: Mapping[str, BackupFile]
    left_out: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """Canonical JSON (RFC 8785)."""
        return canonical_json(self)

    @property
    def content_sha256(self) -> str:
        """One digest over the paths and SHA-256 of all files."""
        return content_sha256({path: file.sha256 for path, file in self.files.items()})


def content_sha256(digests: Mapping[str, str]) -> str:
    """SHA-256 of the canonical JSON of ``path → SHA-256``."""
    return digest_of(dict(digests))


def note_origin(ledger: str) -> str:
    """The name under which the manifests of a ledger's backups are signed."""
    return f"{ledger}/backup"


def parse_backup_manifest(data: bytes) -> BackupManifest:
    """The manifest that :meth:`BackupManifest.to_bytes` wrote.

    Raises:
        ClinicalError: the bytes are none, are not canonical, or name a file outside of the folder.
    """
    try:
        manifest = from_plain(BackupManifest, json.loads(data))
    except (ValueError, ValidationError, RecursionError):
        raise _wrong("its fields are not those of a manifest") from None
    if manifest.format != FORMAT or manifest.to_bytes() != data:
        raise _wrong(f"it is not canonical, or not of format {FORMAT}")
    bad = [path for path in manifest.files if not is_safe(path)]
    if bad:
        raise _wrong(f"it names {len(bad)} file(s) that may not lie in a backup")
    return manifest


def is_safe(path: str) -> bool:
    """Whether a path stays below the backup and means one file (CWE-22).

    >>> is_safe("lake/m/dataset/_delta_log/00000000000000000000.json"), is_safe("lake/../keys/x")
    (True, False)
    """
    parts = path.split("/")
    return (
        len(parts) > 1
        and parts[0] in STORES
        and all(part not in ("", ".", "..") for part in parts)
        and "\\" not in path
        and not any(unicodedata.category(character) == "Cc" for character in path)
    )


def _wrong(what: str) -> ClinicalError:
    return ClinicalError(
        f"The backup cannot be used: {what}",
        where=MANIFEST,
        repair="Take another backup; a folder without a good manifest is no backup",
    )
