"""OpenSSF model signing in key mode: ECDSA on P-256, offline.

The signature (a Sigstore bundle with an in-toto statement) names the SHA-256 of every file of the
folder but itself and the public key, so any tool that knows the OpenSSF format can check it. That
a key belongs to someone is not decided here: the caller hands in the key that it trusts
(P11-12: the receiver verifies without trusting the transport).
"""

import base64
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.manifest import PUBLIC_KEY, SIGNATURE
from clinical_assets.evidence.package import write_files

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )

SignatureState = Literal["valid", "invalid", "absent"]
_UNSIGNED = (SIGNATURE, PUBLIC_KEY)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A new signing key: PKCS #8 and SubjectPublicKeyInfo, both PEM. The private one is secret."""

    private: bytes
    public: bytes

    def __repr__(self) -> str:
        return f"KeyPair(fingerprint={fingerprint(self.public)!r})"


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """What became of a signature; ``detail`` is a sentence where it is not valid."""

    state: SignatureState
    detail: str = ""


def generate_key() -> KeyPair:
    """A fresh P-256 key pair from the operating system's randomness."""
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    return KeyPair(_private_pem(key), _public_pem(key.public_key()))


def public_key_of(private_key: bytes) -> bytes:
    """The public key (PEM) of a private one (PEM, not encrypted).

    Raises:
        ClinicalError: the bytes are not an unencrypted P-256 private key.
    """
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_private_key(private_key, password=None)
        public = key.public_key()
    except (ValueError, TypeError) as error:
        raise _not_a_key("private key") from error
    return _public_pem(_p256(public))


def fingerprint(public_key: bytes) -> str:
    """SHA-256 of the key's DER SubjectPublicKeyInfo, lower-case hexadecimal.

    The same number as ``openssl pkey -pubin -outform DER | sha256sum``; line ends and comments
    of the PEM file do not change it.

    Raises:
        ClinicalError: the bytes are not a P-256 public key.
    """
    from cryptography.hazmat.primitives import serialization

    der = _load_public(public_key).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return sha256(der)


def sign_folder(folder: Path, private_key: bytes) -> None:
    """Sign every file below ``folder``; write the signature and the public key into it.

    Raises:
        ClinicalError: ``private_key`` (PEM, P-256) is not usable.
        OSError: the folder cannot be read or written.
    """
    from model_signing import signing

    public_key = public_key_of(private_key)
    with tempfile.TemporaryDirectory(prefix="signing-") as scratch:
        # model-signing takes keys and signatures as files; the folder is readable to its owner
        # only, and the signature enters the package in one step.
        key_file = Path(scratch) / "key.pem"
        key_file.touch(mode=0o600)
        key_file.write_bytes(private_key)
        signature = Path(scratch) / SIGNATURE
        config = signing.Config()  # type: ignore[no-untyped-call]
        config.set_hashing_config(_hashing())
        config.use_elliptic_key_signer(private_key=key_file).sign(folder, signature)
        _replace(folder / PUBLIC_KEY, public_key)
        _replace(folder / SIGNATURE, signature.read_bytes())


def check_files(files: Mapping[str, bytes], public_key: bytes) -> SignatureCheck:
    """Whether the signature among ``files`` was made over just these files with this key.

    Args:
        files: every file of the package by path, the signature among them; paths are safe.
        public_key: PEM; the key to check against, wherever it came from.

    Returns:
        ``absent`` without a signature; otherwise ``valid`` or ``invalid``. Never raises for
        what a package holds.
    """
    if not files.get(SIGNATURE):
        return SignatureCheck("absent", f"there is no {SIGNATURE}")
    try:
        _demand_plain_bundle(files[SIGNATURE])
        _load_public(public_key)
    except ClinicalError as error:
        return SignatureCheck("invalid", error.what)
    with tempfile.TemporaryDirectory(prefix="verify-") as scratch:
        folder = Path(scratch) / "package"
        folder.mkdir()
        write_files({k: v for k, v in files.items() if k not in _UNSIGNED}, folder)
        signature, key_file = Path(scratch) / SIGNATURE, Path(scratch) / PUBLIC_KEY
        signature.write_bytes(files[SIGNATURE])
        key_file.write_bytes(public_key)
        return _verify(folder, signature, key_file)


def _verify(folder: Path, signature: Path, key_file: Path) -> SignatureCheck:
    from cryptography.exceptions import InvalidSignature
    from model_signing import verifying

    config = verifying.Config()  # type: ignore[no-untyped-call]
    config.set_hashing_config(_hashing())
    try:
        config.use_elliptic_key_verifier(public_key=key_file).verify(folder, signature)
    except InvalidSignature:
        return SignatureCheck("invalid", "it was not made by this key over these file digests")
    except ValueError as error:
        text = str(error)
        if text.startswith("Signature mismatch"):
            return SignatureCheck("invalid", "the signed list of files differs from the files")
        if text.startswith("Key mismatch"):
            return SignatureCheck("invalid", "it was made with another key")
        return SignatureCheck("invalid", "it is not an OpenSSF model signature")
    except Exception:
        # The bundle is hostile input to a parser of several layers; whatever it trips over, an
        # unreadable signature is an invalid one.
        return SignatureCheck("invalid", "it is not an OpenSSF model signature")
    return SignatureCheck("valid")


def _hashing() -> Any:
    from model_signing import hashing

    config = hashing.Config()  # type: ignore[no-untyped-call]
    return config.set_ignored_paths(
        paths=[Path(name) for name in _UNSIGNED], ignore_git_paths=False
    )


def _demand_plain_bundle(bundle: bytes) -> None:
    """Refuse a bundle that names no key or leaves more unsigned than signature and key.

    model-signing extends the ignored paths by those that the statement names, and warns on
    standard output about a bundle without a key; neither occurs in signatures made here.
    """
    try:
        plain = json.loads(bundle)
        hint = plain["verificationMaterial"]["publicKey"]["hint"]
        statement = json.loads(base64.b64decode(plain["dsseEnvelope"]["payload"]))
        settings = statement["predicate"]["serialization"]
        usable = (
            isinstance(hint, str)
            and bool(hint)
            and settings["method"] == "files"
            and settings["hash_type"] == "sha256"
            and settings["allow_symlinks"] is False
            and set(settings.get("ignore_paths", ())) <= set(_UNSIGNED)
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        usable = False
    if not usable:
        raise ClinicalError(
            "it is not an OpenSSF model signature over every file",
            where=SIGNATURE,
            repair="Sign the package again with the project's own command",
        )


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent.parent, prefix=".seal-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _load_public(public_key: bytes) -> "EllipticCurvePublicKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _not_a_key("public key") from error
    return _p256(key)


def _p256(key: object) -> "EllipticCurvePublicKey":
    from cryptography.hazmat.primitives.asymmetric import ec

    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise _not_a_key("public key" if not hasattr(key, "sign") else "private key")
    return key


def _private_pem(key: "EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _public_pem(key: "EllipticCurvePublicKey") -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _not_a_key(kind: str) -> ClinicalError:
    return ClinicalError(
        f"This is not a P-256 {kind} in PEM form",
        where=kind,
        repair="Give an elliptic-curve key made with `openssl ecparam -name prime256v1`",
    )
