"""Whether a package is complete, unchanged and signed; offline, from the package alone.

Every fault is a finding in the report, never an exception: a package is evidence, and evidence
that cannot be read is evidence that fails (P11-01, P11-12). Missing or invalid signatures fail.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.manifest import (
    MANIFEST,
    PUBLIC_KEY,
    SIGNATURE,
    UNLISTED,
    Manifest,
    parse_manifest,
)
from clinical_assets.evidence.package_reader import read_package
from clinical_assets.evidence.signing import (
    SignatureCheck,
    SignatureState,
    check_files,
    fingerprint,
)


@dataclass(frozen=True, slots=True)
class PackageReport:
    """What was found in a package.

    Attributes:
        digest: the package digest; None where there is no usable manifest.
        model, version: as the manifest says; None likewise.
        checked: number of listed files that are present and unchanged.
        missing, extra, changed: paths, sorted.
        signature: valid, invalid or absent, by the public key inside the package.
        key_fingerprint: of the public key inside the package; None where it is no key.
        trusted: whether that key is the one the caller trusts and the signature is valid; None
            where no trusted key was handed in, so that the signer is not established.
        problems: everything that fails the package, one sentence each.
    """

    digest: str | None
    model: str | None
    version: str | None
    checked: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    changed: tuple[str, ...]
    signature: SignatureState
    key_fingerprint: str | None
    trusted: bool | None
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Complete, unchanged, validly signed, and not by a key other than the trusted one."""
        return (
            self.digest is not None
            and not (self.missing or self.extra or self.changed or self.problems)
            and self.signature == "valid"
            and self.trusted is not False
        )


def verify_package(path: Path, trusted_key: bytes | None = None) -> PackageReport:
    """Verify the package at ``path``, a folder or a zip.

    Args:
        trusted_key: public key (PEM) that the package must be signed with; None checks against
            the key inside the package only, which shows integrity but not who signed.

    Raises:
        ClinicalError: ``trusted_key`` is not a P-256 public key (a mistake of the caller; what
            the package holds never raises).
    """
    expected = None if trusted_key is None else fingerprint(trusted_key)
    try:
        files = read_package(path)
    except ClinicalError as error:
        return _unreadable(str(error), trusted_key is not None)
    return _report(files, parse_manifest(files[MANIFEST]), expected)


def verify_files(files: Mapping[str, bytes], trusted_key: bytes | None = None) -> PackageReport:
    """As :func:`verify_package`, of files already read (:func:`read_package`).

    A reader who uses these very bytes afterwards uses what was verified, whatever happens to the
    folder in between.
    """
    expected = None if trusted_key is None else fingerprint(trusted_key)
    try:
        manifest = parse_manifest(files.get(MANIFEST, b""))
    except ClinicalError as error:
        return _unreadable(str(error), trusted_key is not None)
    return _report(files, manifest, expected)


def _report(files: Mapping[str, bytes], manifest: Manifest, expected: str | None) -> PackageReport:
    listed = set(manifest.files)
    missing = sorted((listed | UNLISTED) - set(files))
    extra = sorted(set(files) - listed - UNLISTED)
    present = sorted(listed & set(files))
    changed = [p for p in present if not _unchanged(manifest, p, files[p])]
    key, check = _signature(files)
    trusted = None if expected is None else check.state == "valid" and key == expected
    problems = [f"missing: {path}" for path in missing]
    problems += [f"extra: {path}" for path in extra]
    problems += [f"changed: {path}" for path in changed]
    if check.state != "valid":
        problems.append(f"the signature is {check.state}: {check.detail}")
    if trusted is False and check.state == "valid":
        problems.append("the package is signed with another key than the trusted one")
    return PackageReport(
        digest=manifest.digest,
        model=manifest.model,
        version=manifest.version,
        checked=len(present) - len(changed),
        missing=tuple(missing),
        extra=tuple(extra),
        changed=tuple(changed),
        signature=check.state,
        key_fingerprint=key,
        trusted=trusted,
        problems=tuple(problems),
    )


def _unchanged(manifest: Manifest, path: str, data: bytes) -> bool:
    entry = manifest.files[path]
    return len(data) == entry.size and sha256(data) == entry.sha256


def _signature(files: Mapping[str, bytes]) -> tuple[str | None, SignatureCheck]:
    """Fingerprint of the package's own key, and what its signature is worth."""
    if SIGNATURE not in files:
        return _own_key(files), SignatureCheck("absent", f"there is no {SIGNATURE}")
    key = _own_key(files)
    if key is None:
        return None, SignatureCheck("invalid", f"{PUBLIC_KEY} is not a P-256 public key")
    return key, check_files(files, files[PUBLIC_KEY])


def _own_key(files: Mapping[str, bytes]) -> str | None:
    try:
        return fingerprint(files.get(PUBLIC_KEY, b""))
    except ClinicalError:
        return None


def _unreadable(problem: str, demanded: bool) -> PackageReport:
    return PackageReport(
        digest=None,
        model=None,
        version=None,
        checked=0,
        missing=(),
        extra=(),
        changed=(),
        signature="absent",
        key_fingerprint=None,
        trusted=False if demanded else None,
        problems=(problem,),
    )
