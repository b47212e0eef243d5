"""How an entry of the ledger reads in a terminal."""

import json
from collections.abc import Iterable, Iterator

from clinical_assets.canonical import to_plain
from clinical_assets.ledger.entry import Entry
from clinical_assets.visible import visible

_LISTED = 60
_LONGEST = 200


def who(entry: Entry) -> str:
    """The actor: id, and on whose behalf."""
    actor = entry.act.actor
    name = f"{actor.id} for {actor.on_behalf_of}" if actor.on_behalf_of else actor.id
    return visible(name)


def what(entry: Entry) -> str:
    """The subject: kind, id, version and the beginning of its digest."""
    subject = entry.act.subject
    shown = subject.id if subject.id != subject.sha256 else subject.id[:12]
    version = f"@{subject.version}" if subject.version else ""
    digest = f" {subject.sha256[:8]}" if subject.sha256 and shown == subject.id else ""
    return visible(f"{subject.kind} {shown}{version}{digest}")


def told(entry: Entry) -> list[str]:
    """Actor, reason in the actor's words, and each detail as ``name=value``; digests are whole."""
    act = entry.act
    details = to_plain(act.details)
    reason = [f"“{visible(_cut(act.reason))}”"] if act.reason else []
    said = [f"{name}={visible(_short(v))}" for name, v in details.items() if v not in ("", [])]
    return [f"by {who(entry)}", *reason, *said]


def laid_out(parts: Iterable[str], width: int) -> Iterator[str]:
    """Lines of at most ``width`` characters, two spaces between parts; a part is never divided.

    >>> list(laid_out(["role=quality", "method=signing", "zone=Etc/UTC"], 30))
    ['role=quality  method=signing', 'zone=Etc/UTC']
    """
    line = ""
    for part in parts:
        if line and len(line) + 2 + len(part) > width:
            yield line
            line = part
        else:
            line = f"{line}  {part}" if line else part
    if line:
        yield line


def _short(value: object) -> str:
    """A detail on one line; a list by its first items and the number of the others."""
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return _listed(value)
    return _cut(json.dumps(value, ensure_ascii=False))


def _listed(items: list[str]) -> str:
    shown: list[str] = []
    for item in items:
        if shown and len(", ".join([*shown, item])) > _LISTED:
            return f"{', '.join(shown)} and {len(items) - len(shown)} more"
        shown.append(_cut(item))
    return ", ".join(shown)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
