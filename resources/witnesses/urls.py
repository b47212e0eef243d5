"""The addresses of witnesses, as the setting ``CLINICAL_WITNESSES`` holds them.

What belongs here: their syntax, without a library that is slow to import, because settings are
read at every start. What does not: what is done with them (:mod:`.witness`).

No address holds a credential: object stores take theirs from the ``AWS_…`` variables, and the
other kinds need none.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

Kind = Literal["folder", "s3", "syslog", "timestamp"]
FORMS = (
    "folder:/path, s3://bucket/prefix, syslog+udp|tcp|tls://host:port, syslog+unix:///path or"
    " tsa+https://host/path#/file/of/roots.pem"
)
# Registered by IANA: syslog, syslog-conn, syslog-tls.
_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}


@dataclass(frozen=True, slots=True)
class WitnessUrl:
    """A witness's address.

    Attributes:
        kind: what is there.
        url: the whole address but for the roots; the witness's name, shown in messages and
            records.
        transport: of syslog ``udp``, ``tcp``, ``tls`` or ``unix``; else empty.
        host, port: of syslog over a network.
        target: the folder, socket, ``s3://`` or ``http(s)://`` address behind it.
        roots: of a time-stamping authority the PEM file of the roots that its tokens are held
            against; empty where none is named.
    """

    kind: Kind
    url: str
    transport: str = ""
    host: str = ""
    port: int = 0
    target: str = ""
    roots: str = ""


def witness_url(text: str) -> WitnessUrl:
    """The address in ``text``; a folder's becomes absolute.

    Raises:
        ValueError: it is no address of a witness; the message shows nothing of it.
    """
    text = text.strip()
    if text.startswith("folder:") and text.removeprefix("folder:"):
        folder = str(Path(text.removeprefix("folder:")).expanduser().absolute())
        return WitnessUrl("folder", f"folder:{folder}", target=folder)
    roots = ""
    if text.startswith("tsa+") and "#" in text:
        text, _, roots = text.partition("#")
        if not (Path(roots).is_absolute() and roots.isprintable()):
            raise ValueError("must name the file of roots by its absolute path, after the #")
    parts, port = _parts(text)
    network = bool(parts.hostname)
    scheme, _, transport = parts.scheme.partition("+")
    if scheme == "s3" and not transport and network and port is None:
        return WitnessUrl("s3", text, target=text)
    if scheme == "syslog" and transport in _PORTS and network and parts.path in ("", "/"):
        port, host = port or _PORTS[transport], parts.hostname or ""
        return WitnessUrl("syslog", text, transport, host, port)
    if scheme == "syslog" and transport == "unix" and not network and len(parts.path) > 1:
        return WitnessUrl("syslog", text, transport, target=parts.path)
    if scheme == "tsa" and transport in ("http", "https") and network:
        return WitnessUrl("timestamp", text, target=text.removeprefix("tsa+"), roots=roots)
    raise ValueError(f"must hold {FORMS}")


def _parts(text: str) -> tuple[SplitResult, int | None]:
    if not text.isprintable() or " " in text:
        raise ValueError("must hold no white space or control characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("must hold whole addresses, with a port from 1 to 65535") from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must hold no credentials, queries or fragments")
    return parts, port
