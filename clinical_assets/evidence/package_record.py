"""What is kept of packages, releases and candidates: their identity and fate, not their bytes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PackageRecord:
    """One model package as it was written.

    Attributes:
        digest: SHA-256 of ``manifest.json``; equal inputs give an equal digest.
        onnx_sha256: of the model that it holds.
        folder: place of the unpacked package, relative to the package store.
        archive: place of the zip, relative to the package store.
        files: number of files that the manifest lists.
        size: their bytes in all.
        signer: SHA-256 fingerprint of the public key that signed it.
    """

    model: str
    version: str
    digest: str
    onnx_sha256: str
    folder: str
    archive: str
    files: int
    size: int
    signer: str


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """One release: which package became the champion, and in whose place."""

    model: str
    version: str
    package_sha256: str
    onnx_sha256: str
    replaces: str
    released_at: str


@dataclass(frozen=True, slots=True)
class CandidateHistory:
    """One training of a candidate as MLflow remembers it.

    Attributes:
        status: how its run ended.
        gates: the newest verdict by gate; ``earlier``: refusals that a later verdict followed.
        champion: whether the version in force was released from this training.
        released_at: when a version of this training became champion; empty if none ever was.
        replaced_at: when the next release took its place; empty while none did.
        run_id: the Dagster run that trained it.
    """

    model: str
    version: str
    started_at: str
    status: str
    gates: Mapping[str, str]
    champion: bool
    earlier: tuple[str, ...] = ()
    released_at: str = ""
    replaced_at: str = ""
    run_id: str = ""
