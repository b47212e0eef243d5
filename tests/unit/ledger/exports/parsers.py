"""Readers of each form, written from docs/ledger-format.md and the forms' own standards.

Each gives, entry by entry, the fields that it finds under the entry's own names for them.
"""

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

Fields = dict[str, str]


def undone(text: str) -> str:
    """The value that was made visible as ``text``."""
    found: str = json.loads('"' + text.replace('"', '\\"') + '"')
    return found


def of_csv(text: str) -> list[Fields]:
    table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    return [{n: undone(c.removeprefix("'")) for n, c in row.items()} for row in table]


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.entries: list[Fields] = []
        self.head: Fields = {}
        self._name = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert tag in ALLOWED_TAGS, tag
        assert not any(name.startswith("on") or name in ("src", "href") for name in given), given
        if tag == "tr" and "id" in given:
            self.entries.append({})
        if tag == "time":
            self.entries[-1]["at"] = given["datetime"] or ""
        self._name = given.get("data-name") or ""
        if self._name:
            (self.entries[-1] if self.entries else self.head)[self._name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "bdi":
            self._name = ""

    def handle_data(self, data: str) -> None:
        if self._name:
            (self.entries[-1] if self.entries else self.head)[self._name] += data


ALLOWED_TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "p", "br", "strong"}
ALLOWED_TAGS |= {"dl", "dt", "dd", "span", "bdi", "time"}
ALLOWED_TAGS |= {"table", "caption", "thead", "tbody", "tr", "th", "td"}


def page(text: str) -> _Page:
    read = _Page()
    read.feed(text)
    read.close()
    return read


def of_html(text: str) -> list[Fields]:
    return [{n: undone(v) for n, v in entry.items()} for entry in page(text).entries]


def of_ocsf(text: str) -> list[Fields]:
    found = []
    for line in text.removesuffix("\n").split("\n"):
        event = json.loads(line)
        rest = event["unmapped"]
        plain: dict[str, Any] = {
            "seq": event["metadata"]["sequence"],
            "action": event["activity_name"],
            "outcome": event["status_detail"],
            "software": event["metadata"]["product"]["version"],
            "actor.kind": event["actor"]["user"]["type"],
            "actor.id": event["actor"]["user"]["uid"],
            "actor.name": event["actor"]["user"]["name"],
            "actor.method": rest["method"],
            "actor.on_behalf_of": rest["on_behalf_of"],
            "details": json.dumps(
                rest["details"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
            ),
            **{name: rest[name] for name in ("act", "at", "reason")},
            **{f"origin.{n}": v for n, v in rest["origin"].items()},
            **{f"subject.{n}": v for n, v in rest["subject"].items()},
        }
        found.append({name: str(value) for name, value in plain.items()})
    return found


CEF_KEYS = {
    "externalId": "seq",
    "suid": "actor.id",
    "suser": "actor.name",
    "outcome": "outcome",
    "reason": "reason",
    "fileType": "subject.kind",
    "fname": "subject.id",
    "fileHash": "subject.sha256",
    "msg": "details",
    "clinicalAt": "at",
    "clinicalActorKind": "actor.kind",
    "clinicalActorMethod": "actor.method",
    "clinicalOnBehalfOf": "actor.on_behalf_of",
}


def of_cef(text: str) -> list[Fields]:
    return [_cef(line) for line in text.removesuffix("\n").split("\n")]


def _cef(line: str) -> Fields:
    *head, extension = _divided(line)
    assert len(head) == 7, head
    assert head[:3] == ["CEF:0", "clinical-assets", "ledger"]
    pairs = dict(re.findall(r"(\w+)=((?:[^\\=]|\\.)*?)(?= \w+=|\Z)", extension, re.DOTALL))
    raw = {key: re.sub(r"\\(.)", r"\1", value) for key, value in pairs.items()}
    found = {"software": undone(head[3]), "action": undone(head[4])}
    for key, value in raw.items():
        if key in CEF_KEYS:
            found[CEF_KEYS[key]] = undone(value)
        if f"{key}Label" in raw:
            found[raw[f"{key}Label"]] = undone(value)
    return found


def _divided(line: str) -> list[str]:
    """The header's fields, their escapes undone, and the extension as it is."""
    fields, field, at = [], "", 0
    while len(fields) < 7:
        if line[at] == "\\":
            field, at = field + line[at + 1], at + 2
        elif line[at] == "|":
            fields, field, at = [*fields, field], "", at + 1
        else:
            field, at = field + line[at], at + 1
    return [*fields, line[at:]]


_SYSLOG = re.compile(
    r"<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) "
    r'\[entry@32473((?: [^ =\]"]+="(?:[^"\\\]]|\\["\\\]])*")*)\] (.*)'
)


def of_syslog(text: str) -> list[Fields]:
    found = []
    for line in text.removesuffix("\n").split("\n"):
        parts = _SYSLOG.fullmatch(line)
        assert parts, line
        assert parts[4] == "clinical-ledger"
        assert all(32 <= ord(c) < 127 for c in parts[6])
        pairs = re.findall(r' ([^ =\]"]+)="((?:[^"\\\]]|\\["\\\]])*)"', parts[7])
        found.append({n: undone(re.sub(r'\\(["\\\]])', r"\1", v)) for n, v in pairs})
    return found


def of_fhir(text: str) -> list[Fields]:
    found = []
    for line in text.removesuffix("\n").split("\n"):
        event = json.loads(line)
        [entity] = event["entity"]
        agent = event["agent"][0]
        raw = {
            **{d["type"]: d["valueString"] for d in entity["detail"]},
            "actor.kind": agent["type"]["text"],
            "actor.id": agent.get("who", {}).get("identifier", {}).get("value", ""),
            "actor.name": agent.get("name", ""),
            "actor.on_behalf_of": (
                event["agent"][1]["who"]["identifier"]["value"] if event["agent"][1:] else ""
            ),
            "action": event["subtype"][0]["code"],
            "subject.kind": entity.get("description", ""),
            "subject.id": entity.get("name", ""),
            "at": event["recorded"],
            "outcome": event["outcomeDesc"],
            "reason": event["purposeOfEvent"][0]["text"] if "purposeOfEvent" in event else "",
        }
        found.append({name: undone(value) for name, value in raw.items()})
    return found


PARSERS: dict[str, Callable[[str], list[Fields]]] = {
    "csv": of_csv,
    "html": of_html,
    "ocsf": of_ocsf,
    "cef": of_cef,
    "syslog": of_syslog,
    "fhir": of_fhir,
}
