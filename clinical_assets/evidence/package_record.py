"""What the graph keeps of a package: its identity, not its bytes."""

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
