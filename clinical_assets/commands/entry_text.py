"""How an entry of the ledger reads in a terminal."""

import json
import unicodedata

from clinical_assets.canonical import to_plain
from clinical_assets.ledger.entry import Entry

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    """The text with every character that a terminal would obey written out instead.

    >>> printable("a\\x1b[31mb\\nc")
    'a\\\\x1b[31mb\\\\nc'
    """
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in _UNSEEN else char
        for char in text
    )


def who(entry: Entry) -> str:
    """The actor: id, and on whose behalf."""
    actor = entry.act.actor
    name = f"{actor.id} for {actor.on_behalf_of}" if actor.on_behalf_of else actor.id
    return printable(name)


def what(entry: Entry) -> str:
    """The subject: kind, id, version and the beginning of its digest."""
    subject = entry.act.subject
    shown = subject.id if subject.id != subject.sha256 else subject.id[:12]
    version = f"@{subject.version}" if subject.version else ""
    digest = f" {subject.sha256[:8]}" if subject.sha256 and shown == subject.id else ""
    return printable(f"{subject.kind} {shown}{version}{digest}")


def said(entry: Entry) -> str:
    """Details, and the reason in the actor's words."""
    details = to_plain(entry.act.details)
    parts = [f"{name}={_short(value)}" for name, value in details.items() if value not in ("", [])]
    if entry.act.reason:
        parts.append(f"“{entry.act.reason}”")
    return printable(" ".join(parts))


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"
