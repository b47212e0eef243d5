"""The one way to write an entry, as a regular expression for each action: reading at speed.

What belongs here: recognising bytes that :func:`~clinical_assets.ledger.entry.read_entry` would
read, without building anything. What does not: what is wrong with bytes that are not recognised;
that is for the slow reader to say, and it stays the judge: this one may fail to recognise an entry
(a year before 1000, a leap day, a number over 15 digits), it never recognises what is none. The
expressions are made from the same records as the entries, so a new action needs nothing here.

Canonical JSON (RFC 8785) leaves no choice in writing: members in order of their names, no white
space, one escape for each character that needs one. So the canonical texts of a record of
strings, whole numbers and truth values are a regular language.
"""

import json
import re
import types
import typing
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, NamedTuple

from clinical_assets.ledger.actions import ACTIONS
from clinical_assets.ledger.entry import FORMAT, Actor, Origin, Outcome, Subject

_INNER = r'[^"\\\x00-\x1f]*+(?:\\(?:["\\bfnrt]|u00(?:0[0-7bef]|1[0-9a-f]))[^"\\\x00-\x1f]*+)*+'
_TEXT = f'"{_INNER}"'
_NUMBER = r"(?:0|-?[1-9][0-9]{0,14})"
_DAY = (
    r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_TIME = rf"[1-9][0-9]{{3}}-{_DAY}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{{6}}Z"
_HEAD = re.compile(rf'\{{"act":{_TEXT},"action":"([a-z._]+)"')


class Seen(NamedTuple):
    """What verification needs of an entry; the time as it is written."""

    seq: int
    at: str
    act: str
    outcome: str


def recognised(body: bytes) -> Seen | None:
    """What an entry's bytes say, or None if only the slow reader can tell whether they are one."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    head = _HEAD.match(text)
    shape = _shape(head[1]) if head else None
    found = shape.fullmatch(text) if shape else None
    if found is None:
        return None
    act, at, outcome, seq = found.groups()
    return Seen(int(seq), at, json.loads(f'"{act}"') if "\\" in act else act, outcome)


@cache
def _shape(action: str) -> re.Pattern[str] | None:
    """Canonical text of the action's entries; None if it or the type of a detail is not known."""
    known = ACTIONS.get(action)
    details = _record(known.details) if known else None
    if details is None:
        return None
    members = {
        "act": f'"({_INNER})"',
        "action": re.escape(json.dumps(action)),
        "actor": _record(Actor),
        "at": f'"({_TIME})"',
        "details": details,
        "format": re.escape(json.dumps(FORMAT)),
        "origin": _record(Origin),
        "outcome": '"(' + "|".join(typing.get_args(Outcome)) + ')"',
        "reason": _TEXT,
        "seq": f"({_NUMBER})",
        "software": _TEXT,
        "subject": _record(Subject),
    }
    text = _object(members)
    return re.compile(text) if text else None


def _record(kind: type) -> str | None:
    if not is_dataclass(kind):
        return None
    hints = typing.get_type_hints(kind)
    return _object({field.name: _text_of(hints[field.name]) for field in fields(kind)})


def _text_of(kind: Any) -> str | None:
    simple = {str: _TEXT, int: _NUMBER, bool: "(?:true|false)", types.NoneType: "null"}
    if kind in simple:
        return simple[kind]
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is typing.Literal and all(isinstance(a, str) for a in arguments):
        return "(?:" + "|".join(re.escape(json.dumps(a)) for a in arguments) + ")"
    if typing.get_origin(kind) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        item = _text_of(arguments[0])
        return item and rf"\[(?:{item}(?:,{item})*+)?\]"
    return _record(kind) if isinstance(kind, type) else None


def _object(members: dict[str, str | None]) -> str | None:
    if None in members.values():
        return None
    return r"\{" + ",".join(f'"{n}":{p}' for n, p in sorted(members.items())) + r"\}"
