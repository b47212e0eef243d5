"""Common Event Format, version 0: one line an event, for SIEM systems.

Values are made visible first (:mod:`clinical_assets.visible`) and then escaped as CEF demands:
backslash and pipe in the header, backslash and equals sign in the extension. Empty values are left
out. Keys that the CEF dictionary has not begin with ``clinical``.
"""

from clinical_assets.ledger.actions import ACTIONS
from clinical_assets.ledger.exports.alarms import alarms
from clinical_assets.ledger.exports.record import About, Form, Record, nothing_after, nothing_before
from clinical_assets.ledger.exports.times import milliseconds
from clinical_assets.visible import visible

_SEVERITY = {"intended": 2, "done": 3, "failed": 6, "interrupted": 6, "refused": 7}
_ALARM = 9
_KEYS = {
    "seq": "externalId",
    "actor.id": "suid",
    "actor.name": "suser",
    "outcome": "outcome",
    "reason": "reason",
    "subject.kind": "fileType",
    "subject.id": "fname",
    "subject.sha256": "fileHash",
    "details": "msg",
    "at": "clinicalAt",
    "actor.kind": "clinicalActorKind",
    "actor.method": "clinicalActorMethod",
    "actor.on_behalf_of": "clinicalOnBehalfOf",
}
_LABELLED = ("act", "subject.version", "origin.run", "origin.asset", "origin.partition")


def _line(about: About, record: Record) -> str:
    flat = record.flat()
    action = flat["action"]
    known = ACTIONS.get(action)
    head = ["clinical-assets", "ledger", flat["software"], action]
    severity = _ALARM if alarms(action) else _SEVERITY[flat["outcome"]]
    head += [known.description if known else action, str(severity)]
    pairs = [("rt", str(milliseconds(flat["at"]))), ("deviceFacility", about.origin)]
    pairs += [(key, flat[name]) for name, key in _KEYS.items()]
    for number, name in enumerate(_LABELLED, start=1):
        if flat[name]:
            pairs += [(f"cs{number}Label", name), (f"cs{number}", flat[name])]
    extension = " ".join(f"{key}={_value(value)}" for key, value in pairs if value)
    return "|".join(["CEF:0", *map(_field, head), extension]) + "\n"


def _field(text: str) -> str:
    return visible(text, exact=True).replace("\\", "\\\\").replace("|", "\\|")


def _value(text: str) -> str:
    return visible(text, exact=True).replace("\\", "\\\\").replace("=", "\\=")


CEF = Form(
    "cef/1", "entries.cef", "text/plain; charset=utf-8", nothing_before, _line, nothing_after
)
