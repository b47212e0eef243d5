"""The key that signs packages here, and the public keys whose signatures are accepted here.

What belongs here: making the current key, and keeping the public half of every key that was
current. What does not: signing and verifying, which ``clinical_assets/evidence`` does.

``package-signing.pem`` is the current key. ``trusted/*.pem`` are public keys: of the current one,
put there when it is made or first used, and of retired ones. So packages stay valid when their key
is replaced or lost, and are refused once its public key is taken out of the folder.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.signing import fingerprint, generate_key, public_key_of
from resources.blobs import LocalBlobs

TRUSTED = "trusted"


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The keys below ``folder``."""

    folder: Path

    def private(self) -> bytes:
        """The current private key (PEM); made where there is none.

        Raises:
            ClinicalError: it cannot be read or made.
        """
        try:
            if not self._private.exists():
                self._make()
            private = self._private.read_bytes()
        except OSError as error:
            raise ClinicalError(
                f"The package-signing key cannot be read or made ({error.strerror})",
                where=self._private.name,
                repair="Check that CLINICAL_KEYS names a folder that this user can write",
            ) from error
        # A folder of keys may be mounted read-only: then its owner keeps the public halves.
        with suppress(ClinicalError, OSError):
            self._publish(public_key_of(private))
        return private

    def trusted(self) -> frozenset[str]:
        """Fingerprints of the keys whose signatures are accepted; makes no key.

        Raises:
            ClinicalError: a file of the trusted folder cannot be read or is no public key.
        """
        found = {self._fingerprint_in(path) for path in sorted(self._trusted.glob("*.pem"))}
        if not self._trusted.is_dir() and self._public.exists():
            found.add(self._fingerprint_in(self._public))  # made before there was the folder
        # Who only verifies need not have the private key, nor a good one.
        with suppress(OSError, ClinicalError):
            found.add(fingerprint(public_key_of(self._private.read_bytes())))
        return frozenset(found)

    @property
    def _private(self) -> Path:
        return self.folder / "package-signing.pem"

    @property
    def _public(self) -> Path:
        return self._private.with_suffix(".pub.pem")

    @property
    def _trusted(self) -> Path:
        return self.folder / TRUSTED

    def _fingerprint_in(self, path: Path) -> str:
        try:
            return fingerprint(path.read_bytes())
        except OSError as error:
            raise _unusable(path, error.strerror or type(error).__name__) from error
        except ClinicalError as error:
            raise _unusable(path, error.what) from error

    def _make(self) -> None:
        """A new key, complete or absent; of two makers at once the first one's key stays."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._private.with_name(f".{self._private.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(generate_key().private)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(draft, self._private)
        finally:
            draft.unlink(missing_ok=True)

    def _publish(self, public: bytes) -> None:
        """Keeps the public half of the current key, for verifying and for handing out."""
        before = self._public.read_bytes() if self._public.exists() else public
        if not self._trusted.is_dir():  # made before there was the folder, and replaced since
            self._trust(before)
        self._trust(public)
        if before != public or not self._public.exists():
            self._public.write_bytes(public)

    def _trust(self, public: bytes) -> None:
        LocalBlobs(self._trusted).create(f"{fingerprint(public)}.pem", public)


def _unusable(path: Path, reason: str) -> ClinicalError:
    return ClinicalError(
        f"A trusted key cannot be used: {reason}",
        where=path.name,
        repair=f"Replace the file in the {TRUSTED} folder of CLINICAL_KEYS by the public key in PEM"
        " form, or take it away",
    )
