"""A witness that speaks syslog: each checkpoint is one message to a log server elsewhere.

What belongs here: the message (RFC 5424) and its ways: datagrams (RFC 5426), TCP with octet
counting (RFC 6587), TLS (RFC 5425) and a local socket. What does not: reading it back; the log
server's own search does that, and ``note`` in the message is the whole signed note.

Syslog knows no receipt. Over TCP and TLS the server's end must have closed after ours, so a server
that hangs or dies in between is noticed; whether it stored the message, nobody tells. A datagram
may be lost without a word.
"""

import json
import os
import re
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import read
from resources.witnesses.notes import Counts, every
from resources.witnesses.urls import WitnessUrl

_PRIORITY = 13 * 8 + 5  # facility "log audit", severity "notice" (RFC 5424, section 6.2.1)
_MOST_ANSWERS = 64


def _now() -> datetime:
    return datetime.now(UTC)


class SyslogWitness:
    """Sends each note as one message; a server's TLS certificate must be one the system trusts."""

    def __init__(
        self, url: WitnessUrl, *, timeout: float = 10.0, now: Callable[[], datetime] = _now
    ) -> None:
        self.name = url.url
        self._url, self._timeout, self._now = url, timeout, now

    def publish(self, note: str) -> None:
        """Sends the note; a second time too, if asked to.

        Raises:
            ClinicalError: it is no checkpoint, or the server cannot be reached or trusted.
        """
        data = message(note, self._now(), socket.gethostname(), os.getpid())
        try:
            self._send(data)
        except OSError as error:
            reason = getattr(error, "verify_message", "") or error.strerror or type(error).__name__
            raise ClinicalError(
                f"The log server did not take the checkpoint ({reason})",
                where=self.name,
                repair="Check that it runs and can be reached; over TLS, that the system trusts"
                " its certificate (SSL_CERT_FILE names further ones)",
            ) from error

    def notes(self, origin: str, *, last: int | None = None, counts: Counts = every) -> list[str]:
        """None: a log server is not read back from here."""
        return []

    def _send(self, data: bytes) -> None:
        if self._url.transport == "unix":
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
                local.settimeout(self._timeout)
                local.connect(self._url.target)
                local.send(data)
            return
        address = (self._url.host, self._url.port)
        if self._url.transport == "udp":
            family, kind, protocol, _, place = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)[
                0
            ]
            with socket.socket(family, kind, protocol) as datagrams:
                datagrams.sendto(data, place)
            return
        framed = f"{len(data)} ".encode() + data
        with socket.create_connection(address, timeout=self._timeout) as plain:
            if self._url.transport == "tcp":
                plain.sendall(framed)
                plain.shutdown(socket.SHUT_WR)
                _until_closed(plain)
                return
            context = ssl.create_default_context()
            with context.wrap_socket(plain, server_hostname=self._url.host) as secure:
                secure.sendall(framed)
                _closed(secure)


def message(note: str, at: datetime, host: str, process: int) -> bytes:
    """One syslog message (RFC 5424) in ASCII, the note in its JSON, every line break escaped.

    Raises:
        ClinicalError: the note is no checkpoint.
    """
    stated = read(note)
    said = {"note": note, "origin": stated.origin, "root": stated.root.hex(), "size": stated.size}
    body = json.dumps(said, separators=(",", ":"), sort_keys=True).replace("\x7f", "\\u007f")
    printable = re.sub(r"[^!-~]", "", host)[:255] or "-"
    time = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    header = f"<{_PRIORITY}>1 {time} {printable} clinical-assets {process} CHECKPOINT -"
    return f"{header} {body}".encode("ascii")


def _until_closed(connection: socket.socket) -> None:
    """Waits until the server closes its end too; a time-out says that it did not."""
    for _ in range(_MOST_ANSWERS):
        if not connection.recv(4096):
            return
    raise TimeoutError("the server does not end the connection")


def _closed(secure: ssl.SSLSocket) -> None:
    """Says good-bye (close_notify) and waits for the server's, or for the end of the connection."""
    try:
        secure.unwrap()
    except ssl.SSLEOFError:
        return
    except OSError as error:
        if error.errno != 0:  # 0: the end of the connection instead of a good-bye
            raise
