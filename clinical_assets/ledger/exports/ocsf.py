"""Events of the Open Cybersecurity Schema Framework, version 1.3.0, one JSON object a line.

Logging in and out, and proving who one is, is Authentication (3002), changes of persons and
services are Account Change (3001), all else is Entity Management (3004), whose managed entity is
the subject. What OCSF has no place for stands under ``unmapped``. Every character beyond ASCII is
escaped.
"""

from typing import Any

from clinical_assets.ledger.actions import ACTIONS
from clinical_assets.ledger.exports.alarms import alarms
from clinical_assets.ledger.exports.record import (
    About,
    Form,
    Record,
    compact,
    nothing_after,
    nothing_before,
)
from clinical_assets.ledger.exports.times import milliseconds
from clinical_assets.ledger.exports.verbs import verb_of

_VERSION = "1.3.0"
_CATEGORY = 3  # identity and access management
_ACCOUNT, _AUTHENTICATION, _ENTITY = 3001, 3002, 3004
_OTHER = 99
_ACTIVITIES: dict[str, tuple[int, int]] = {
    "login.succeeded": (_AUTHENTICATION, 1),
    "login.refused": (_AUTHENTICATION, 1),
    "logout": (_AUTHENTICATION, 2),
    "session.ended": (_AUTHENTICATION, 2),
    "session.refused": (_AUTHENTICATION, _OTHER),
    "user.authenticated": (_AUTHENTICATION, _OTHER),
    "user.enrolled": (_ACCOUNT, 1),
    "user.changed": (_ACCOUNT, _OTHER),
    "user.revoked": (_ACCOUNT, 5),
    "user.locked": (_ACCOUNT, 9),
}
_OF_VERB = {"create": 1, "read": 2, "update": 3, "delete": 4, "execute": _OTHER}
_SEVERITY = {"intended": 1, "done": 1, "failed": 3, "interrupted": 3, "refused": 3}
_ALARM = 4
_STATUS = {"intended": 0, "done": 1, "failed": 2, "interrupted": 2, "refused": 2}


def event(about: About, record: Record) -> dict[str, Any]:
    """The OCSF event of an entry, as plain JSON values."""
    entry = record.entry
    action, subject, actor = entry["action"], entry["subject"], entry["actor"]
    kind, activity = _ACTIVITIES.get(action, (_ENTITY, _OF_VERB[verb_of(action)]))
    known = ACTIONS.get(action)
    user = {"uid": actor["id"], "name": actor["name"], "type": actor["kind"]}
    made: dict[str, Any] = {
        "activity_id": activity,
        "activity_name": action,
        "actor": {"user": user},
        "category_uid": _CATEGORY,
        "class_uid": kind,
        "message": known.description if known else action,
        "metadata": {
            "version": _VERSION,
            "uid": record.leaf.hex(),
            "log_name": about.origin,
            "sequence": entry["seq"],
            "product": {
                "name": "ledger",
                "vendor_name": "clinical-assets",
                "version": entry["software"],
            },
        },
        "severity_id": _ALARM if alarms(action) else _SEVERITY[entry["outcome"]],
        "status_detail": entry["outcome"],
        "status_id": _STATUS[entry["outcome"]],
        "time": milliseconds(entry["at"]),
        "type_uid": kind * 100 + activity,
        "unmapped": {
            "act": entry["act"],
            "at": entry["at"],
            "details": entry["details"],
            "method": actor["method"],
            "on_behalf_of": actor["on_behalf_of"],
            "origin": entry["origin"],
            "reason": entry["reason"],
            "subject": subject,
        },
    }
    if kind == _AUTHENTICATION:
        made |= {"user": user, "service": {"name": "clinical-assets"}}
    elif kind == _ACCOUNT:
        made["user"] = {"uid": subject["id"], "type": subject["kind"]}
    else:
        entity = {"uid": subject["id"], "type": subject["kind"], "version": subject["version"]}
        made |= {"entity": entity, "comment": entry["reason"]}
    return made


def _line(about: About, record: Record) -> str:
    return compact(event(about, record)) + "\n"


OCSF = Form("ocsf/1", "ocsf.jsonl", "application/x-ndjson", nothing_before, _line, nothing_after)
