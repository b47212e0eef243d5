"""A log server of the tests' own: real sockets, octet counting, TLS if wanted."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.unit.ledger.authority import certificate, pem


@dataclass
class LogServer:
    """Where it listens, and each message that it took."""

    port: int = 0
    messages: list[bytes] = field(default_factory=list)


@contextmanager
def stream_server(tls: ssl.SSLContext | None = None, *, behave: str = "") -> Iterator[LogServer]:
    """Reads framed messages until the client's end. ``behave``: "rude" says no good-bye in TLS,
    "hang" never ends the connection, "die" resets it after the first bytes."""
    found, stop = LogServer(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found.port = listening.getsockname()[1]
        listening.settimeout(0.05)

        def serve() -> None:
            while not stop.is_set():
                try:
                    plain, _ = listening.accept()
                except TimeoutError:
                    continue
                plain.settimeout(5)
                try:
                    talk(plain)
                except OSError:
                    plain.close()

        def talk(plain: socket.socket) -> None:
            connection = tls.wrap_socket(plain, server_side=True) if tls else plain
            if behave == "die":
                connection.recv(1)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.close()
                return
            data = b""
            while part := connection.recv(65536):
                data += part
            while data:
                length, _, data = data.partition(b" ")
                found.messages.append(data[: int(length)])
                data = data[int(length) :]
            if behave == "hang":
                stop.wait(5)
            if isinstance(connection, ssl.SSLSocket) and behave != "rude":
                connection.unwrap()
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield found
        finally:
            stop.set()
            thread.join()


@contextmanager
def datagram_server(path: Path | None = None) -> Iterator[LogServer]:
    """Takes datagrams by UDP, or at a socket's path."""
    found, stop = LogServer(), threading.Event()
    family = socket.AF_INET if path is None else socket.AF_UNIX
    with socket.socket(family, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0) if path is None else str(path))
        found.port = listening.getsockname()[1] if path is None else 0
        listening.settimeout(0.05)
        arrived = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    found.messages.append(listening.recv(65536))
                    arrived.set()
                except TimeoutError:
                    continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield found
            arrived.wait(5)
        finally:
            stop.set()
            thread.join()


def tls_of(folder: Path, name: str = "localhost") -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context for ``name``, and the file of the root that signed it."""
    root_key, root_pem, root = certificate("Test root", None, None)
    key, own, _ = certificate(name, root_key, root, ExtendedKeyUsageOID.SERVER_AUTH, name)
    (folder / "own.pem").write_bytes(own + pem(key))
    (folder / "root.pem").write_bytes(root_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem")
    return context, folder / "root.pem"
