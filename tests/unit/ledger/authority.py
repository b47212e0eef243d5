"""A time-stamping authority of the tests' own: ``openssl ts`` behind an HTTP server."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CONFIGURATION = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.3.6.1.4.1.32473.1
digests = sha256, sha512
accuracy = secs:1
"""


class Authority:
    """A root, a signing certificate under it, and answers to requests."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("there is no openssl command: no time-stamping authority to ask")
        self.folder = folder
        folder.mkdir()
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(_CONFIGURATION.format(folder=folder))
        root_key, self.roots, root = certificate("Test root", None, None)
        key, signer, _ = certificate(
            "Test authority", root_key, root, ExtendedKeyUsageOID.TIME_STAMPING
        )
        (folder / "signer.pem").write_bytes(signer)
        (folder / "key.pem").write_bytes(pem(key))
        (folder / "roots.pem").write_bytes(self.roots)

    def answer(self, request: bytes) -> bytes:
        """The authority's answer (TimeStampResp) to a request (TimeStampReq)."""
        (self.folder / "request").write_bytes(request)
        command = "openssl ts -reply -config tsa.cnf -queryfile request -signer signer.pem"
        command += " -inkey key.pem -out answer"
        subprocess.run(command.split(), cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "answer").read_bytes()


@contextmanager
def served(authority: Authority) -> Iterator[tuple[str, list[bytes]]]:
    """The authority's address, and the requests that it saw.

    Below it lie ways to fail: /down, /moved, /page (no token), /long, /replay (an old answer).
    """
    seen: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            seen.append(body)
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if self.path == "/replay" and len(seen) > 1:
                body = seen[0]
            answer = b"<html>hello</html>" if self.path == "/page" else authority.answer(body)
            answer = b"x" * 300_000 if self.path == "/long" else answer
            self.send_response(503 if self.path == "/down" else 200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def certificate(
    name: str,
    issuer_key: rsa.RSAPrivateKey | None,
    issuer: x509.Certificate | None,
    usage: x509.ObjectIdentifier | None = None,
    address: str = "localhost",
) -> tuple[rsa.RSAPrivateKey, bytes, x509.Certificate]:
    """A key and its certificate (PEM and object): a root where there is no issuer."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    signer = issuer_key or key
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    made = made.add_extension(identifier, critical=False)
    if usage is not None:
        made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
        names = x509.SubjectAlternativeName([x509.DNSName(address)])
        made = made.add_extension(names, critical=False)
    done = made.sign(signer, hashes.SHA256())
    return key, done.public_bytes(Encoding.PEM), done


def pem(key: rsa.RSAPrivateKey) -> bytes:
    """A private key for a test's server."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
