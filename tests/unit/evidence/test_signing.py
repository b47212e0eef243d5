"""OpenSSF key-mode signatures over a package's files."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.manifest import MANIFEST, PUBLIC_KEY, SIGNATURE
from clinical_assets.evidence.package import load_package, read_package, write_folder, write_zip
from clinical_assets.evidence.signing import (
    KeyPair,
    check_files,
    fingerprint,
    generate_key,
    public_key_of,
    sign_folder,
)
from tests.unit.evidence.package_examples import example_package

KEY = generate_key()
PLAIN = serialization.NoEncryption()


def pem(key: Any, encryption: Any = PLAIN) -> bytes:
    data: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    return data


def public_pem(key: Any) -> bytes:
    data: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return data


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("signed") / "p"
    write_folder(example_package(), folder, seal=lambda draft: sign_folder(draft, KEY.private))
    return dict(read_package(folder))


def test_the_signature_holds_and_lies_outside_the_manifest(files: dict[str, bytes]) -> None:
    assert check_files(files, KEY.public).state == "valid"
    assert files[PUBLIC_KEY] == KEY.public
    assert sha256(files[MANIFEST]) == example_package().digest


def test_the_statement_names_every_file_with_its_sha256(files: dict[str, bytes]) -> None:
    envelope = json.loads(files[SIGNATURE])["dsseEnvelope"]
    statement = json.loads(base64.b64decode(envelope["payload"]))
    signed = {r["name"]: r["digest"] for r in statement["predicate"]["resources"]}
    assert signed == {p: sha256(data) for p, data in example_package().contents.items()}
    assert statement["subject"][0]["name"] == "p"


def test_the_openssf_tool_itself_accepts_it(files: dict[str, bytes], tmp_path: Path) -> None:
    """Anyone with model-signing verifies the folder without this software."""
    from model_signing import hashing, verifying

    write_folder(example_package(), tmp_path / "p", seal=lambda d: sign_folder(d, KEY.private))
    (tmp_path / "key.pem").write_bytes(KEY.public)
    hashed = hashing.Config().set_ignored_paths(paths=[SIGNATURE, PUBLIC_KEY])  # type: ignore
    verifying.Config().set_hashing_config(hashed).use_elliptic_key_verifier(  # type: ignore
        public_key=tmp_path / "key.pem"
    ).verify(tmp_path / "p", tmp_path / "p" / SIGNATURE)


Change = Callable[[dict[str, bytes]], None]


def flip(files: dict[str, bytes]) -> None:
    files["model/model.onnx"] = bytes([files["model/model.onnx"][0] ^ 1]) + b"rest"


def remove(files: dict[str, bytes]) -> None:
    del files["sbom.cdx.json"]


def add(files: dict[str, bytes]) -> None:
    files[".gitignore"] = b"a file that the OpenSSF default ignores"


def swap(files: dict[str, bytes]) -> None:
    a, b = "card/model_card.md", "card/datasheet.md"
    files[a], files[b] = files[b], files[a]


def rename(files: dict[str, bytes]) -> None:
    files["card/other.md"] = files.pop("card/datasheet.md")


def manifest(files: dict[str, bytes]) -> None:
    files[MANIFEST] = files[MANIFEST].replace(b"1.0.0", b"1.0.1")


@pytest.mark.parametrize("change", [flip, remove, add, swap, rename, manifest])
def test_any_change_invalidates_it(change: Change, files: dict[str, bytes]) -> None:
    altered = dict(files)
    change(altered)
    check = check_files(altered, KEY.public)
    assert check.state == "invalid"
    assert "differs from the files" in check.detail


def test_another_key_does_not_verify(files: dict[str, bytes]) -> None:
    check = check_files(files, generate_key().public)
    assert (check.state, check.detail) == ("invalid", "it was made with another key")


def test_absent(files: dict[str, bytes]) -> None:
    unsigned = {path: data for path, data in files.items() if path != SIGNATURE}
    assert check_files(unsigned, KEY.public).state == "absent"
    assert check_files({**unsigned, SIGNATURE: b""}, KEY.public).state == "absent"


def tampered(signature: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    bundle = json.loads(signature)
    change(bundle)
    return json.dumps(bundle).encode()


def without_hint(bundle: dict[str, Any]) -> None:
    del bundle["verificationMaterial"]["publicKey"]["hint"]


def empty_hint(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["publicKey"]["hint"] = ""


def other_payload(bundle: dict[str, Any]) -> None:
    payload = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    payload["predicate"]["resources"].pop()
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()


def ignoring_everything(bundle: dict[str, Any]) -> None:
    payload = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    payload["predicate"]["serialization"]["ignore_paths"] = ["."]
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()


def no_signatures(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["signatures"] = []


def other_media_type(bundle: dict[str, Any]) -> None:
    bundle["mediaType"] = "text/plain"


def flipped_signature(bundle: dict[str, Any]) -> None:
    raw = bytearray(base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"]))
    raw[-1] ^= 1
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "change",
    [without_hint, empty_hint, other_payload, ignoring_everything, no_signatures, other_media_type,
     flipped_signature],
)  # fmt: skip
def test_a_forged_bundle_is_invalid(
    change: Callable[[dict[str, Any]], None],
    files: dict[str, bytes],
    capfd: pytest.CaptureFixture[str],
) -> None:
    forged = {**files, SIGNATURE: tampered(files[SIGNATURE], change)}
    assert check_files(forged, KEY.public).state == "invalid"
    assert capfd.readouterr().out == ""  # the library prints its warnings; --json must stay whole


@pytest.mark.parametrize(
    "garbage",
    [b"x", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"verificationMaterial": 1}'],
)
def test_garbage_is_invalid_not_a_crash(garbage: bytes, files: dict[str, bytes]) -> None:
    assert check_files({**files, SIGNATURE: garbage}, KEY.public).state == "invalid"
    assert check_files(files, garbage).state == "invalid"


def test_a_signature_that_leaves_files_out_is_refused(tmp_path: Path) -> None:
    """Even by the right key: what it leaves out could be exchanged without notice."""
    from model_signing import hashing, signing

    write_folder(example_package(), tmp_path / "p")
    (tmp_path / "key.pem").write_bytes(KEY.private)
    partial = hashing.Config().set_ignored_paths(paths=["model"])  # type: ignore[no-untyped-call]
    config = signing.Config().set_hashing_config(partial)  # type: ignore[no-untyped-call]
    config.use_elliptic_key_signer(private_key=tmp_path / "key.pem").sign(
        tmp_path / "p", tmp_path / "s"
    )
    files = dict(read_package(tmp_path / "p")) | {SIGNATURE: (tmp_path / "s").read_bytes()}
    assert check_files(files, KEY.public).state == "invalid"


def test_fingerprint_is_that_of_openssl(tmp_path: Path) -> None:
    known = (
        b"-----BEGIN PUBLIC KEY-----\n"
        b"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
        b"6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n"
        b"-----END PUBLIC KEY-----\n"
    )  # the base point of P-256 (FIPS 186-4, D.1.2.3): 04 || Gx || Gy
    assert fingerprint(known) == "5cd252fb0ce8932436faf8ccd1040981b89ee4ad6b9fe9e2a2b7e71aacb27cd3"
    assert fingerprint(known.replace(b"\n", b"\r\n")) == fingerprint(known)
    assert fingerprint(b"# a comment\n" + known) == fingerprint(known)


def test_public_key_of() -> None:
    assert public_key_of(KEY.private) == KEY.public
    assert fingerprint(KEY.public) in repr(KEY)
    assert "PRIVATE" not in repr(KEY)
    assert repr(KeyPair(KEY.private, KEY.public)).count("\\n") == 0


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"\0\xff",
        KEY.public,
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(ed25519.Ed25519PrivateKey.generate()),
        pem(rsa.generate_private_key(65537, 2048)),
        pem(ec.generate_private_key(ec.SECP256R1()), serialization.BestAvailableEncryption(b"x")),
    ],
    ids=["empty", "binary", "public", "P-384", "Ed25519", "RSA", "encrypted"],
)
def test_a_private_key_of_another_kind_is_one_clear_error(key: bytes, tmp_path: Path) -> None:
    with pytest.raises(ClinicalError, match="P-256"):
        sign_folder(tmp_path, key)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "key",
    [b"", KEY.private, public_pem(ec.generate_private_key(ec.SECP384R1())),
     public_pem(ed25519.Ed25519PrivateKey.generate())],
)  # fmt: skip
def test_a_public_key_of_another_kind_is_one_clear_error(key: bytes) -> None:
    with pytest.raises(ClinicalError, match="P-256 public key"):
        fingerprint(key)


def test_a_killed_signing_is_made_up_for(tmp_path: Path) -> None:
    write_folder(example_package(), tmp_path / "p")
    write_folder(example_package(), tmp_path / "p", seal=lambda d: sign_folder(d, KEY.private))
    assert check_files(read_package(tmp_path / "p"), KEY.public).state == "valid"
    signature = (tmp_path / "p" / SIGNATURE).read_bytes()
    write_folder(example_package(), tmp_path / "p", seal=lambda d: sign_folder(d, KEY.private))
    assert (tmp_path / "p" / SIGNATURE).read_bytes() == signature
    assert [item.name for item in tmp_path.iterdir()] == ["p"]


def test_the_zip_of_a_signed_folder_verifies(tmp_path: Path) -> None:
    write_folder(example_package(), tmp_path / "p", seal=lambda d: sign_folder(d, KEY.private))
    write_zip(load_package(tmp_path / "p"), tmp_path / "p.zip")
    assert check_files(read_package(tmp_path / "p.zip"), KEY.public).state == "valid"


def test_no_private_key_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    write_folder(example_package(), tmp_path / "p", seal=lambda d: sign_folder(d, KEY.private))
    assert list(scratch.iterdir()) == []
    found = [item for item in tmp_path.rglob("*") if item.is_file()]
    assert all(b"PRIVATE" not in item.read_bytes() for item in found)
    assert ((tmp_path / "p" / SIGNATURE).stat().st_mode & 0o777) == 0o644
