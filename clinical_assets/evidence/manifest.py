"""The list of a package's files with their SHA-256 and size.

``manifest.json`` names every file of the package but itself, the signature and the public key.
Its own SHA-256 is the package digest: one number that fixes every byte of the evidence. Only the
signature lies outside, because ECDSA is randomised and would give each copy another digest.
What the files hold is of no concern here; writing and reading them is ``package.py``'s.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from clinical_assets.canonical import canonical_json, from_plain, sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.package_paths import collisions, printable, unsafe_reason

FORMAT = "clinical-package/1"
MANIFEST = "manifest.json"
SIGNATURE = "signature.sig"
PUBLIC_KEY = "signing-key.pub.pem"
UNLISTED = frozenset({MANIFEST, SIGNATURE, PUBLIC_KEY})
SOURCE_ARCHIVE = "source/source.tar.gz"
LOCK = "environment/requirements.lock"
PLATFORM = "environment/platform.json"
RAW_DATA = "data/raw/"
REQUIRED = frozenset(
    {
        "model/model.onnx",
        "model/model.skops",
        "data/dataset.parquet",
        "data/split.parquet",
        "data/features.parquet",
        "spec.json",
        "protocol.json",
        "candidate.json",
        "evaluation/evaluation.json",
        "evaluation/test_predictions.parquet",
        SOURCE_ARCHIVE,
        "source/provenance.json",
        LOCK,
        PLATFORM,
        "card/model_card.md",
        "card/model_card.html",
        "card/model_card.json",
        "card/model_card.cdx.json",
        "card/datasheet.md",
        "card/datasheet.html",
        "card/datasheet.json",
        "sbom.cdx.json",
    }
)

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")
_ENTRY_POINT = re.compile(r"[A-Za-z_][\w]*(\.[A-Za-z_][\w]*)*:[A-Za-z_][\w]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_LARGEST = 2**53 - 1  # the largest integer that every JSON reader keeps exactly


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file: lower-case hexadecimal SHA-256 of its bytes, and their number."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Rebuild:
    """How the model is made again from the package alone.

    Attributes:
        module: run as ``python -m MODULE --package FOLDER --output FOLDER`` in the source.
        source: path of the source archive in the package.
        lock: path of the locked requirements in the package.
        platform: path of the facts of the machine that the model was made on.
    """

    module: str = "clinical_assets.rebuild"
    source: str = SOURCE_ARCHIVE
    lock: str = LOCK
    platform: str = PLATFORM


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a package consists of.

    Attributes:
        format: ``clinical-package/1``.
        model, version: name and version of the model.
        entry_point: ``module:attribute`` of the model's spec in the source archive.
        rebuild: how the model is made again.
        files: SHA-256 and size of every file, by path.
    """

    format: str
    model: str
    version: str
    entry_point: str
    rebuild: Rebuild
    files: Mapping[str, FileEntry]

    def to_bytes(self) -> bytes:
        """Canonical JSON (RFC 8785): the bytes of ``manifest.json``."""
        return canonical_json(self)

    @property
    def digest(self) -> str:
        """The package digest: SHA-256 of the bytes of ``manifest.json``."""
        return sha256(self.to_bytes())


def build_manifest(
    files: Mapping[str, bytes], *, model: str, version: str, entry_point: str
) -> Manifest:
    """The manifest of ``files`` (path → bytes), which hold no manifest and no signature.

    Raises:
        ClinicalError: a required file is missing, a path is unsafe, or a name is malformed.
    """
    entries = {path: FileEntry(sha256(data), len(data)) for path, data in sorted(files.items())}
    manifest = Manifest(FORMAT, model, version, entry_point, Rebuild(), entries)
    _refuse(manifest_problems(manifest), "The package cannot be assembled", f"model {model}")
    return manifest


def parse_manifest(data: bytes) -> Manifest:
    """The manifest that :meth:`Manifest.to_bytes` wrote as ``data``.

    Raises:
        ClinicalError: ``data`` is not canonical JSON of a manifest of a known format, or what it
            lists could not stand in a package.
    """
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError):
        plain = None
    if not isinstance(plain, dict):
        raise ClinicalError(
            "The manifest is not a JSON object",
            where=MANIFEST,
            repair="Get the package again from where it was released",
        )
    if plain.get("format") != FORMAT:
        raise ClinicalError(
            f"The manifest's format is not {FORMAT}",
            where=MANIFEST,
            repair="Use the release of this software that made the package, or a later one",
        )
    try:
        manifest = from_plain(Manifest, plain)
        canonical = manifest.to_bytes() == data
    except (ValidationError, ValueError, RecursionError):
        manifest, canonical = None, False
    if manifest is None or not canonical:
        # Equality of the bytes also rules out duplicate keys, unknown fields and changed types.
        raise ClinicalError(
            f"The manifest is not canonical JSON with the fields of {FORMAT}",
            where=MANIFEST,
            repair="Get the package again from where it was released",
        )
    _refuse(manifest_problems(manifest), "The manifest lists an impossible package", MANIFEST)
    return manifest


def manifest_problems(manifest: Manifest) -> tuple[str, ...]:
    """What is wrong with a manifest, one sentence each; empty where nothing is."""
    found = []
    paths = set(manifest.files)
    if not (_NAME.fullmatch(manifest.model) and _NAME.fullmatch(manifest.version)):
        found.append("model and version must be plain names of letters, digits and . _ + -")
    if not _ENTRY_POINT.fullmatch(manifest.entry_point):
        found.append("the entry point must read module:attribute")
    if lacking := sorted(REQUIRED - paths):
        found.append("required files are missing: " + ", ".join(lacking))
    if not any(path.startswith(RAW_DATA) for path in paths):
        found.append(f"required files are missing: the source files below {RAW_DATA}")
    if own := sorted(UNLISTED & paths):
        found.append("a manifest may not list " + ", ".join(own))
    for path in sorted(paths):
        if reason := unsafe_reason(path):
            found.append(f"path {printable(path)!r} is refused: {reason}")
    found.extend(
        f"path {printable(path)!r} collides with another" for path in collisions(paths | UNLISTED)
    )
    for path, entry in sorted(manifest.files.items()):
        if not _HEX_SHA256.fullmatch(entry.sha256) or not 0 <= entry.size <= _LARGEST:
            found.append(f"{printable(path)!r} has no proper SHA-256 and size")
    needed = {manifest.rebuild.source, manifest.rebuild.lock, manifest.rebuild.platform}
    if needed - paths:
        found.append("the rebuild names files that the manifest does not list")
    return tuple(found)


def _refuse(problems: tuple[str, ...], what: str, where: str) -> None:
    if problems:
        shown = "; ".join(problems[:5])
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise ClinicalError(
            f"{what}: {shown}{more}",
            where=where,
            repair="Hand in every file of the layout under a plain relative path",
        )
